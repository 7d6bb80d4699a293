import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, raw, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, isUniqueViolation, NotFound, pageOf, Refused, transactional, type Page } from '@agent-hive/kernel';
import { ApiKey } from '../api-key/api-key.entity.js';
import { IdentityHooks } from '../identity.hooks.js';
import { RolesService } from '../role/roles.service.js';
import { UserDto, type CreateUserDto, type UpdateUserDto, type UserQuery } from './user.dto.js';
import { User } from './user.entity.js';

/** The people of a tenant. */
@Injectable()
export class UsersService {
  constructor(
    private readonly em: EntityManager,
    private readonly roles: RolesService,
    private readonly hooks: IdentityHooks,
  ) {}

  /** One user. Throws NotFound. */
  async get(id: string): Promise<UserDto> {
    return UserDto.of(await this.load(this.em, id, null));
  }

  /** A page of users, newest first; by email through user_email_unique. */
  async list({ limit, cursor, email }: UserQuery): Promise<Page<UserDto>> {
    const before = decodeIdCursor(cursor);
    const where = {
      tenantId: currentTenantId(),
      ...(before !== undefined && { id: { $lt: before } }),
      ...(email !== undefined && { [raw('lower(email)')]: email.toLowerCase() }),
    };
    const users = await this.em.find(User, where, { orderBy: { id: 'desc' }, limit: limit + 1 });
    return pageOf(users, limit, (user) => [user.id], (user) => UserDto.of(user));
  }

  /** A new user. Throws Refused when the email is taken, NotFound for the role. */
  async create(input: CreateUserDto): Promise<UserDto> {
    return this.saving(input.email, async (em) => {
      if (input.role) await this.roles.scopesOf(input.role);
      const { email, name = null, phoneNumber = null, role = null, userData = {} } = input;
      return em.create(User, { email, name, phoneNumber, role, userData });
    });
  }

  /** Changes a user that is still at the version (any, when null). Throws NotFound, Stale, or Refused when the email is taken. */
  async update(id: string, input: UpdateUserDto, version: number | null): Promise<UserDto> {
    return this.saving(input.email, async (em) => {
      const user = await this.load(em, id, version);
      if (input.role) await this.roles.scopesOf(input.role);
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
      return wrap(user).assign({ ...given, updatedAt: new Date() }, { mergeObjectProperties: false });
    });
  }

  /** Deletes a user; what refers to it is nulled in the same transaction, and its keys open nothing more. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const user = await this.load(em, id, version);
      await this.hooks.userDeleted.run(em, id);
      for (const key of await em.find(ApiKey, { tenantId: currentTenantId(), userId: id })) {
        if (!key.revokedAt) key.revoke(new Date());
        key.userId = null;
      }
      await em.remove(user).flush();
    });
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

  private async load(em: EntityManager, id: string, version: number | null): Promise<User> {
    const user = await em.findOne(User, { tenantId: currentTenantId(), id }, version === null ? {} : { lockMode: LockMode.OPTIMISTIC, lockVersion: version });
    if (!user) throw new NotFound('user', id);
    return user;
  }
}
