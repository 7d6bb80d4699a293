import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, raw, wrap } from '@mikro-orm/postgresql';
import { EntriesService, type SubjectNames } from '@agent-hive/audit';
import { currentTenantId, decodeIdCursor, isUniqueViolation, NotFound, pageOf, Refused, requireContext, Stale, transactional, type Page } from '@agent-hive/kernel';
import { ApiKey } from '../api-key/api-key.entity.js';
import { IdentityHooks } from '../identity.hooks.js';
import { Preference } from '../preference/preference.entity.js';
import { RolesService } from '../role/roles.service.js';
import { requireHeld } from '../scopes.js';
import { UserDto, type CreateUserDto, type UpdateUserDto, type UserQuery } from './user.dto.js';
import { User } from './user.entity.js';

/** The people of a tenant. */
@Injectable()
export class UsersService {
  constructor(
    private readonly em: EntityManager,
    private readonly roles: RolesService,
    private readonly hooks: IdentityHooks,
    private readonly entries: EntriesService,
  ) {}

  /** One user. Throws NotFound. */
  async get(id: string): Promise<UserDto> {
    const user = await this.em.findOne(User, { tenantId: currentTenantId(), id });
    if (!user) throw new NotFound('user', id);
    return UserDto.of(user);
  }

  /** A page of users, newest first; by email through user_email_unique. */
  async list({ limit, cursor, total, email }: UserQuery): Promise<Page<UserDto>> {
    const before = decodeIdCursor(cursor);
    const where = () => ({ tenantId: currentTenantId(), ...(email !== undefined && { [raw('lower(email)')]: email.toLowerCase() }) });
    const users = await this.em.find(User, { ...where(), ...(before !== undefined && { id: { $lt: before } }) }, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const page: Page<UserDto> = pageOf(users, limit, (user) => [user.id], (user) => UserDto.of(user));
    if (total) page.total = await this.em.count(User, where());
    return page;
  }

  /** A new user. Throws Refused when the email is taken, NotFound for the role, Forbidden when its scopes are not the caller's to give. */
  async create(input: CreateUserDto): Promise<UserDto> {
    return this.saving(input.email, async (em) => {
      if (input.role) await this.requireMayGive(input.role);
      const { email, name = null, phoneNumber = null, role = null, userData = {} } = input;
      return em.create(User, { email, name, phoneNumber, role, userData });
    });
  }

  /** Changes a user that is still at the version (any, when null). Throws NotFound, Stale, Forbidden for the role, or Refused when the email is taken. */
  async update(id: string, input: UpdateUserDto, version: number | null): Promise<UserDto> {
    return this.saving(input.email, async (em) => {
      const user = await this.lock(em, id, version);
      if (input.role !== undefined && input.role !== user.role) await this.requireMayGive(input.role);
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
      return wrap(user).assign({ ...given, updatedAt: new Date() }, { mergeObjectProperties: false });
    });
  }

  /** Deletes a user; what refers to it is nulled in the same transaction, and its keys open nothing more. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const user = await this.lock(em, id, version);
      await this.hooks.userDeleted.run(em, id);
      for (const key of await em.find(ApiKey, { tenantId: currentTenantId(), userId: id })) {
        if (!key.revokedAt) key.revoke(new Date());
        key.userId = null;
      }
      const counts = { 'identity.preference': await em.count(Preference, { tenantId: currentTenantId(), user }) };
      await em.remove(user).flush();
      await this.entries.record({ action: 'user.cascaded', subjectType: 'user', subjectId: id, details: { counts } });
    });
  }

  /** What names a user of the tenant; null when there is none of that id. */
  async namesOf(id: string): Promise<SubjectNames | null> {
    const user = await this.em.findOne(User, { tenantId: currentTenantId(), id });
    return user && { identifiers: [user.email], values: user.phoneNumber ? [user.phoneNumber] : [], names: user.name ? [user.name] : [] };
  }

  /** Ends the row of a user who is being erased, with what `delete` ends; does nothing when there is none. */
  async erase(id: string): Promise<{ table: string; erased: number; blanked: number }[]> {
    const exists = (await this.em.count(User, { tenantId: currentTenantId(), id })) > 0;
    if (exists) await this.delete(id, null);
    return [{ table: 'identity.user', erased: exists ? 1 : 0, blanked: 0 }];
  }

  /** A role opens what it says to the user's keys and tokens, and nothing else: who takes it away leaves them without a bound. */
  private async requireMayGive(role: string | null): Promise<void> {
    requireHeld(requireContext().principal.scopes, role === null ? ['*'] : await this.roles.scopesOf(role));
  }

  private async saving(email: string | undefined, change: (em: EntityManager) => Promise<User>): Promise<UserDto> {
    try {
      return await transactional(this.em, async (em) => {
        const user = await change(em);
        await em.persist(user).flush();
        return UserDto.of(user);
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`A user with email ${email} exists`, 'conflict');
      throw error;
    }
  }

  /** Locked until the transaction ends: writers take turns, and nobody makes a key for a user who goes. */
  private async lock(em: EntityManager, id: string, version: number | null): Promise<User> {
    const user = await em.findOne(User, { tenantId: currentTenantId(), id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!user) throw new NotFound('user', id);
    if (version !== null && user.version !== version) throw new Stale('user', id);
    return user;
  }
}
