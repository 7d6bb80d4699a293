import { Inject, Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, Invalid, newId, NotFound, pageOf, Refused, requireContext, transactional, type Page, type PageRequest } from '@agent-hive/kernel';
import { IdentityHooks } from '../identity.hooks.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from '../identity-options.js';
import { RolesService } from '../role/roles.service.js';
import { requireHeld, requireKnown } from '../scopes.js';
import { User } from '../user/user.entity.js';
import { ApiKeyDto, type CreateApiKeyDto, type CreatedApiKeyDto, type RotateApiKeyDto } from './api-key.dto.js';
import { ApiKey } from './api-key.entity.js';
import { keyText, newSecret } from './key-text.js';

type NewKey = Omit<CreateApiKeyDto, 'expiresAt'> & { expiresAt?: Date | null; rotatedFromId: string | null };

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
  async list({ limit, cursor, total }: PageRequest): Promise<Page<ApiKeyDto>> {
    const before = decodeIdCursor(cursor);
    const where = { tenantId: currentTenantId() };
    const keys = await this.em.find(ApiKey, { ...where, ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<ApiKeyDto> = pageOf(keys, limit, (key) => [key.id], (key) => ApiKeyDto.of(key));
    if (total) page.total = await this.em.count(ApiKey, where);
    return page;
  }

  /** A new key. Throws Forbidden for a scope that the caller does not hold, Invalid for one that is none, NotFound for role, agent or user. */
  async create(input: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    if (input.agentId && input.userId) throw new Invalid('A key acts for an agent or a user, not for both', [{ pointer: '/userId', message: 'not together with agentId' }]);
    requireKnown(input.scopes);
    const expiresAt = input.expiresAt ? new Date(input.expiresAt) : null;
    if (expiresAt && expiresAt <= new Date()) throw new Invalid('expiresAt must be in the future', [{ pointer: '/expiresAt', message: 'must be in the future' }]);
    return transactional(this.em, async (em) => {
      await this.requireMayGive(em, input);
      if (input.agentId && (await this.hooks.agentExists.run(em, input.agentId)).includes(false)) throw new NotFound('agent', input.agentId);
      return this.make(em, { ...input, expiresAt, rotatedFromId: null });
    });
  }

  /** Closes a key at once, in every process. Throws NotFound or Refused. */
  async revoke(id: string): Promise<void> {
    await transactional(this.em, async (em) => {
      (await this.load(em, id, { lockMode: LockMode.PESSIMISTIC_WRITE })).revoke(new Date());
      await em.flush();
    });
  }

  /** Closes every key of an agent that goes, in the transaction in which it does. */
  async revokeOfAgent(agentId: string): Promise<void> {
    await transactional(this.em, async (em) => {
      let keys: ApiKey[] = [];
      let known: number;
      do {
        // A rotation that was waited for made another key: looked for until there is no new one.
        known = keys.length;
        keys = await em.find(ApiKey, { tenantId: currentTenantId(), agentId }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      } while (keys.length > known);
      for (const key of keys) if (!key.revokedAt) key.revoke(new Date());
      await em.flush();
    });
  }

  /** A new key with the rights of an old one, which ends after the overlap. Throws NotFound, or Refused when the old one opens nothing. */
  async rotate(id: string, { overlapSeconds }: RotateApiKeyDto): Promise<CreatedApiKeyDto> {
    return transactional(this.em, async (em) => {
      // Whoever comes second finds the key as the first left it: without an overlap, revoked.
      const old = await this.load(em, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const now = new Date();
      if (!old.isUsable(now)) throw new Refused(`API key ${id} is revoked or expired: make a new one`, 'not-usable');
      await this.requireMayGive(em, old);
      const made = await this.make(em, { name: old.name, scopes: old.scopes, role: old.role, agentId: old.agentId, userId: old.userId, expiresAt: old.expiresAt, rotatedFromId: old.id });
      const end = new Date(now.getTime() + overlapSeconds * 1000);
      if (overlapSeconds === 0) old.revoke(now);
      else if (!old.expiresAt || old.expiresAt > end) old.expiresAt = end;
      await em.flush();
      return made;
    });
  }

  /**
   * Refuses to give what the caller does not hold: scopes of the key's own and of its role; of a key that names neither, those
   * of its user's role, which it then opens. Role and user stay until the transaction ends.
   */
  private async requireMayGive(em: EntityManager, { scopes, role, userId }: Pick<ApiKey, 'scopes'> & { role?: string | null; userId?: string | null }): Promise<void> {
    // FOR SHARE: nobody deletes the user before the key is there for the deletion to find.
    const user = userId ? await em.findOne(User, { tenantId: currentTenantId(), id: userId }, { lockMode: LockMode.PESSIMISTIC_READ }) : null;
    if (userId && !user) throw new NotFound('user', userId);
    const named = role ?? (scopes.length === 0 ? user?.role : null);
    requireHeld(requireContext().principal.scopes, [...scopes, ...(named ? await this.roles.scopesOf(named) : [])]);
  }

  private async make(em: EntityManager, input: NewKey): Promise<CreatedApiKeyDto> {
    const { secret, hash } = newSecret();
    const { name, scopes, role = null, agentId = null, userId = null, expiresAt = null, rotatedFromId } = input;
    const key = em.create(ApiKey, { id: newId(), tenantId: currentTenantId(), name, scopes, role, agentId, userId, expiresAt, rotatedFromId, secretHash: hash });
    await em.persist(key).flush();
    return { ...ApiKeyDto.of(key), key: keyText(this.options.environment, { tenantId: key.tenantId, keyId: key.id, secret }) };
  }

  private async load(em: EntityManager, id: string, options: { lockMode?: LockMode.PESSIMISTIC_WRITE } = {}): Promise<ApiKey> {
    const key = await em.findOne(ApiKey, { tenantId: currentTenantId(), id }, options);
    if (!key) throw new NotFound('API key', id);
    return key;
  }
}
