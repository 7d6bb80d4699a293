import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, moment, oneOf, Refused, updatedAt, version } from '@agent-hive/kernel';

/** Everything that a tenant can be. */
export const TENANT_STATES = ['active', 'suspended'] as const;

const OWN_ROW = `id = nullif(current_setting('app.tenant_id', true), '')::uuid`;

/** A customer of the hive. Its row shows only to itself; nothing of a suspended tenant can be read or written. */
export const TenantSchema = defineEntity({
  name: 'Tenant',
  schema: 'identity',
  tableName: 'tenant',
  rowLevelSecurity: 'force',
  policies: [
    { name: 'own_row', using: OWN_ROW, check: OWN_ROW },
    { name: 'ops_all', roles: ['hive_ops'], using: 'true', check: 'true' },
    { name: 'search_read', command: 'select', roles: ['hive_search'], using: 'true' },
  ],
  properties: {
    id: p.uuid().primary(),
    slug: p.text().unique('tenant_slug_unique'),
    name: p.text(),
    state: p.text().$type<(typeof TENANT_STATES)[number]>(),
    suspensionReason: p.text().nullable(),
    suspendedAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'tenant_slug_check', expression: `slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'` },
    { name: 'tenant_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'tenant_state_check', expression: oneOf('state', TENANT_STATES) },
    { name: 'tenant_suspension_check', expression: `(state = 'suspended') = (suspended_at is not null)` },
  ],
});

export class Tenant extends TenantSchema.class {
  suspend(reason: string): void {
    if (this.state === 'suspended') throw new Refused(`tenant ${this.id} is suspended already`, 'already-suspended');
    this.state = 'suspended';
    this.suspensionReason = reason;
    this.suspendedAt = new Date();
  }

  resume(): void {
    if (this.state === 'active') throw new Refused(`tenant ${this.id} is not suspended`, 'not-suspended');
    this.state = 'active';
    this.suspensionReason = null;
    this.suspendedAt = null;
  }
}
TenantSchema.setClass(Tenant);
