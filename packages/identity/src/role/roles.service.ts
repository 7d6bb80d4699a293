import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, isUniqueViolation, NotFound, Refused, requireContext, transactional } from '@agent-hive/kernel';
import { ApiKey } from '../api-key/api-key.entity.js';
import { BUILT_IN_ROLES, builtInRole, requireHeld, requireKnown } from '../scopes.js';
import { User } from '../user/user.entity.js';
import { RoleDto, type PutRoleDto, type RolesDto } from './role.dto.js';
import { Role } from './role.entity.js';

/** The roles of a tenant: the built-in ones, and its own. */
@Injectable()
export class RolesService {
  constructor(private readonly em: EntityManager) {}

  /** Built-in roles, then the tenant's own by name. A tenant has few, so there are no pages. */
  async list(): Promise<RolesDto> {
    const own = await this.em.find(Role, { tenantId: currentTenantId() }, { orderBy: { name: 'asc' } });
    return { items: [...Object.entries(BUILT_IN_ROLES).map(([name, role]) => RoleDto.of(name, role, true)), ...own.map((role) => RoleDto.of(role.name, role))] };
  }

  /** Scopes of a role by its name, for who gives it: it stays until the running transaction ends. Throws NotFound. */
  async scopesOf(name: string): Promise<readonly string[]> {
    const role = builtInRole(name) ?? (await this.em.findOne(Role, { tenantId: currentTenantId(), name }, { lockMode: LockMode.PESSIMISTIC_READ }));
    if (!role) throw new NotFound('role', name);
    return role.scopes;
  }

  /** Makes a role, or gives it other scopes, which hold at once for every key that has it. Throws Refused for a built-in one. */
  async upsert(name: string, input: PutRoleDto): Promise<RoleDto> {
    if (builtInRole(name)) throw new Refused(`${name} is a built-in role`, 'built-in');
    requireKnown(input.scopes);
    requireHeld(requireContext().principal.scopes, input.scopes);
    try {
      return await this.put(name, input);
    } catch (error) {
      // Two who make it at once both find none: the second changes what the first made.
      if (isUniqueViolation(error)) return this.put(name, input);
      throw error;
    }
  }

  /** Takes a role away. Throws NotFound, or Refused while users or keys have it. */
  async delete(name: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      const role = await this.lock(em, name);
      if (!role) throw new NotFound('role', name);
      const counts = { 'identity.user': await em.count(User, { tenantId, role: name }), 'identity.api_key': await em.count(ApiKey, { tenantId, role: name, revokedAt: null }) };
      if (counts['identity.user'] + counts['identity.api_key'] > 0) {
        throw new Refused(`${counts['identity.user']} users and ${counts['identity.api_key']} keys have the role ${name}`, 'in-use', { counts });
      }
      await em.remove(role).flush();
    });
  }

  private put(name: string, { scopes, description = null }: PutRoleDto): Promise<RoleDto> {
    return transactional(this.em, async (em) => {
      const role = (await this.lock(em, name)) ?? em.create(Role, { name, scopes });
      role.scopes = scopes;
      role.description = description;
      await em.persist(role).flush();
      return RoleDto.of(name, role);
    });
  }

  private lock = (em: EntityManager, name: string): Promise<Role | null> => em.findOne(Role, { tenantId: currentTenantId(), name }, { lockMode: LockMode.PESSIMISTIC_WRITE });
}
