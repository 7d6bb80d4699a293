import { p, type PolicyDef } from '@mikro-orm/postgresql';
import { currentTenantId } from './context.js';
import { newId } from './uuid.js';

const TENANT = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`;

/**
 * The policies of every tenant table. Without a tenant the setting is empty, the comparison is null, and no row shows.
 * Sweepers (hive_ops) and the search functions' owner (hive_search) see all rows and state the tenant themselves.
 */
const policies: PolicyDef[] = [
  { name: 'tenant_isolation', using: TENANT, check: TENANT },
  { name: 'ops_all', roles: ['hive_ops'], using: 'true', check: 'true' },
  { name: 'search_read', command: 'select', roles: ['hive_search'], using: 'true' },
];

/** Row level security of a tenant table, forced on its owner too. Spread into defineEntity. */
export const tenantSecurity = { rowLevelSecurity: 'force' as const, policies };

/** First column of every tenant table and of its primary key. */
export const tenantId = () => p.uuid().primary().onCreate(() => currentTenantId());

/** UUIDv7 minted by the service, unique within the tenant. */
export const id = () => p.uuid().primary().onCreate(() => newId());

/** When the row was first written (UTC). */
export const createdAt = () => p.datetime(3).columnType('timestamptz(3)').onCreate(() => new Date());

/** When the row was last written through the unit of work (UTC). */
export const updatedAt = () => p.datetime(3).columnType('timestamptz(3)').onCreate(() => new Date()).onUpdate(() => new Date());

/** A moment (UTC), to the millisecond. */
export const moment = () => p.datetime(3).columnType('timestamptz(3)');

/** Optimistic lock: grows by one with every change; it is the ETag. */
export const version = () => p.integer().version();

/** The CHECK that keeps a text column within a closed list. */
export const oneOf = (column: string, values: readonly string[]): string => `${column} in (${values.map((v) => `'${v.replaceAll("'", "''")}'`).join(', ')})`;

/** The CHECK that keeps a jsonb column of one JSON type. */
export const jsonType = (column: string, type: 'object' | 'array'): string => `jsonb_typeof(${column}) = '${type}'`;
