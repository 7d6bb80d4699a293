import { Inject, Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, Invalid, newId, NotFound, pageOf, Refused, requireContext, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
import { IdentityHooks } from '../identity.hooks.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from '../identity-options.js';
import { RolesService } from '../role/roles.service.js';
import { requireHeld, requireKnown } from '../scopes.js';
import { User } from '../user/user.entity.js';
import { ApiKeyDto, type CreateApiKeyDto, type CreatedApiKeyDto, type RotateApiKeyDto } from './api-key.dto.js';
import { ApiKey } from './api-key.entity.js';
import { keyText, newSecret } from './key-text.js';

/** The keys of a tenant. A secret is in the answer that made it and nowhere else. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly em: EntityManager,
    private readonly roles: RolesService,
    private readonly hooks: IdentityHooks,
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
  ) {}

  /** One key. Throws NotFound. */
  async get(id: string): Promise<ApiKeyDto> {
    return ApiKeyDto.of(await this.load(this.em, id));
  }

  /** A page of keys, newest first; revoked and expired ones too. */
  async list({ limit, cursor }: PageRequest): Promise<Page<ApiKeyDto>> {
    const before = decodeIdCursor(cursor);
    const keys = await this.em.find(ApiKey, { tenantId: currentTenantId(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    return pageOf(keys, limit, (key) => [key.id], (key) => ApiKeyDto.of(key));
  }

  /** A new key. Throws Forbidden for a scope that the caller does not hold, Invalid for one that is none, NotFound for role, agent or user. */
  async create(input: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    if (input.agentId && input.userId) throw new Invalid('A key acts for an agent or a user, not for both', [{ pointer: '/userId', message: 'not together with agentId' }]);
    requireKnown(input.scopes);
    const { principal } = requireContext();
    return transactional(this.em, async (em) => {
      const roleScopes = input.role ? await this.roles.scopesOf(input.role) : [];
      requireHeld(principal.scopes, [...input.scopes, ...roleScopes]);
      if (input.userId && !(await em.findOne(User, { tenantId: currentTenantId(), id: input.userId }))) throw new NotFound('user', input.userId);
      if (input.agentId && (await this.hooks.agentExists.run(em, input.agentId)).includes(false)) throw new NotFound('agent', input.agentId);
      return this.make(em, { ...input, rotatedFromId: null });
    });
  }

  /** Closes a key at once, in every process. Throws NotFound or Refused. */
  async revoke(id: string): Promise<void> {
    await transactional(this.em, async (em) => {
      (await this.load(em, id)).revoke(new Date());
      await em.flush();
    });
  }

  /** A new key with the rights of an old one, which ends after the overlap. Throws NotFound, or Refused when the old one opens nothing. */
  async rotate(id: string, { overlapSeconds }: RotateApiKeyDto): Promise<CreatedApiKeyDto> {
    return transactional(this.em, async (em) => {
      const old = await this.load(em, id);
      const now = new Date();
      if (!old.isUsable(now)) throw new Refused(`API key ${id} is revoked or expired: make a new one`, 'not-usable');
      requireHeld(requireContext().principal.scopes, [...old.scopes, ...(old.role ? await this.roles.scopesOf(old.role) : [])]);
      const made = await this.make(em, { name: old.name, scopes: old.scopes, role: old.role, agentId: old.agentId, userId: old.userId, expiresAt: old.expiresAt, rotatedFromId: old.id });
      const end = new Date(now.getTime() + overlapSeconds * 1000);
      if (overlapSeconds === 0) old.revoke(now);
      else if (!old.expiresAt || old.expiresAt > end) old.expiresAt = end;
      await em.flush();
      return made;
    });
  }

  private async make(em: EntityManager, input: CreateApiKeyDto & { rotatedFromId: string | null }): Promise<CreatedApiKeyDto> {
    const { secret, hash } = newSecret();
    const { name, scopes, role = null, agentId = null, userId = null, expiresAt = null, rotatedFromId } = input;
    const key = em.create(ApiKey, { id: newId(), tenantId: currentTenantId(), name, scopes, role, agentId, userId, expiresAt, rotatedFromId, secretHash: hash });
    await em.persist(key).flush();
    return { ...ApiKeyDto.of(key), key: keyText(this.options.environment, { tenantId: key.tenantId, keyId: key.id, secret }) };
  }

  private async load(em: EntityManager, id: string): Promise<ApiKey> {
    const key = await em.findOne(ApiKey, { tenantId: currentTenantId(), id });
    if (!key) throw new NotFound('API key', id);
    return key;
  }
}
