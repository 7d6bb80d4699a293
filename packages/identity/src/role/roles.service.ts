import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, NotFound, Refused, requireContext, transactional } from '@agent-hive/kernel';
import { ApiKey } from '../api-key/api-key.entity.js';
import { BUILT_IN_ROLES, requireHeld, requireKnown } from '../scopes.js';
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

  /** Scopes of a role by its name. Throws NotFound. */
  async scopesOf(name: string): Promise<readonly string[]> {
    const role = BUILT_IN_ROLES[name] ?? (await this.em.findOne(Role, { tenantId: currentTenantId(), name }));
    if (!role) throw new NotFound('role', name);
    return role.scopes;
  }

  /** Makes a role, or gives it other scopes, which hold at once for every key that has it. Throws Refused for a built-in one. */
  async upsert(name: string, input: PutRoleDto): Promise<RoleDto> {
    if (BUILT_IN_ROLES[name]) throw new Refused(`${name} is a built-in role`, 'built-in');
    requireKnown(input.scopes);
    requireHeld(requireContext().principal.scopes, input.scopes);
    return transactional(this.em, async (em) => {
      const role = (await em.findOne(Role, { tenantId: currentTenantId(), name })) ?? em.create(Role, { name, scopes: input.scopes });
      role.scopes = input.scopes;
      role.description = input.description ?? null;
      await em.persist(role).flush();
      return RoleDto.of(name, role);
    });
  }

  /** Takes a role away. Throws NotFound, or Refused while users or keys have it. */
  async delete(name: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      const role = await em.findOne(Role, { tenantId, name });
      if (!role) throw new NotFound('role', name);
      const counts = { 'identity.user': await em.count(User, { tenantId, role: name }), 'identity.api_key': await em.count(ApiKey, { tenantId, role: name, revokedAt: null }) };
      if (counts['identity.user'] + counts['identity.api_key'] > 0) {
        throw new Refused(`${counts['identity.user']} users and ${counts['identity.api_key']} keys have the role ${name}`, 'in-use', { counts });
      }
      await em.remove(role).flush();
    });
  }
}
