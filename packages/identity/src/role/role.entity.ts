import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** A named set of scopes that a tenant defines beside the built-in roles. */
export const RoleSchema = defineEntity({
  name: 'Role',
  schema: 'identity',
  tableName: 'role',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    name: p.text().primary(),
    description: p.text().nullable(),
    scopes: p.json<string[]>().columnType('jsonb'), // such as `agents:read`, none twice
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'role_name_check', expression: `name ~ '^[a-z][a-z0-9_-]{0,49}$'` },
    { name: 'role_scopes_check', expression: jsonType('scopes', 'array') },
  ],
});

export class Role extends RoleSchema.class {}
RoleSchema.setClass(Role);
