import type { MikroORM } from '@mikro-orm/postgresql';
import { APP_ROLE } from './context.js';
import { DatabaseUnfit, type Database } from './engine/database.js';
import type { Domain } from './domain.js';

/** Roles of the hive (architecture, data rule 5), with what each may be besides a group. */
const ROLES: Record<string, string> = {
  // A member of hive_search, so that it may make functions of that role; it must not inherit that role's sight of all rows.
  hive_owner: 'nologin noinherit',
  [APP_ROLE]: 'nologin nobypassrls',
  hive_search: 'nologin nobypassrls',
  hive_ops: 'nologin nobypassrls',
  hive_backup: 'nologin bypassrls',
};

const EXTENSIONS = ['vector', 'pg_trgm', 'unaccent', 'btree_gin'];

/**
 * Creates what migrations stand on and cannot create as hive_owner: roles, extensions, one schema per domain, default
 * privileges. Safe to run again and at the same time as another. Throws DatabaseUnfit when the login may not.
 */
export async function bootstrap(database: Database, orm: MikroORM, domains: readonly Domain[]): Promise<void> {
  for (const [role, attributes] of Object.entries(ROLES)) await attempt(`create role ${role}`, createRole(role, attributes));
  // The owner's tables are created under `set role`, which a login that is no superuser needs membership for.
  await attempt('grant hive_owner', `do $$ begin if not pg_has_role(current_user, 'hive_owner', 'member') then execute format('grant hive_owner to %I', current_user); end if; end $$`);
  await attempt('grant hive_search to hive_owner', `do $$ begin if not pg_has_role('hive_owner', 'hive_search', 'member') then grant hive_search to hive_owner; end if; end $$`);
  for (const extension of EXTENSIONS) await attempt(`create extension ${extension}`, createExtension(extension));
  for (const { name } of domains) await attempt(`create schema ${name}`, createSchema(name));

  async function attempt(what: string, sql: string): Promise<void> {
    try {
      await database.execute(orm, sql);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DatabaseUnfit(`${what} failed: ${reason}. ${advice(what)}`, { cause: error });
    }
  }
}

const advice = (what: string): string =>
  what === 'create extension vector'
    ? 'The server lacks pgvector: install it (Debian: postgresql-NN-pgvector, or tooling/postgres/install-pgvector; Docker: image pgvector/pgvector), or use the embedded engine.'
    : 'Give a login that may do this as DATABASE_MIGRATION_URL, or have an administrator do it once; see docs/operations.md.';

// Concurrent creators of a role or an extension collide on a unique index of the catalogue: the loser finds it made.
const ignoring = (statement: string): string =>
  `do $$ begin ${statement}; exception when duplicate_object or unique_violation then null; end $$`;

const createRole = (role: string, attributes: string): string =>
  `do $$ begin if not exists (select from pg_roles where rolname = '${role}') then
     begin create role ${role} ${attributes}; exception when duplicate_object or unique_violation then null; end;
   end if; end $$`;

const createExtension = (name: string): string => ignoring(`create extension if not exists ${name} with schema public`);

const createSchema = (schema: string): string => `do $$ begin
  if not exists (select from pg_namespace where nspname = '${schema}') then
    begin create schema ${schema} authorization hive_owner; exception when duplicate_schema or unique_violation then null; end;
  end if;
  grant usage on schema ${schema} to ${APP_ROLE}, hive_search, hive_ops, hive_backup;
  alter default privileges for role hive_owner in schema ${schema} grant select, insert, update, delete on tables to ${APP_ROLE}, hive_ops;
  alter default privileges for role hive_owner in schema ${schema} grant select on tables to hive_search, hive_backup;
end $$`;
