import type { EntityManager } from '@mikro-orm/postgresql';
import type { Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/*
 * Questions that come before a tenant is known. Each is one statement outside any tenant, through a function that reads
 * past the policies and answers no more than is asked.
 */
const outside = (em: EntityManager): Sql => em.fork().getKysely();

/** Id and state of a tenant by its slug. */
export async function tenantBySlug(em: EntityManager, slug: string): Promise<{ id: string; state: string } | undefined> {
  return (await sql<{ id: string; state: string }>`select id, state from identity.tenant_by_slug(${slug})`.execute(outside(em))).rows[0];
}

/** State of a tenant; null when there is none. */
export async function tenantState(em: EntityManager, id: string): Promise<string | null> {
  return (await sql<{ state: string | null }>`select identity.tenant_state(${id}) as state`.execute(outside(em))).rows[0]?.state ?? null;
}

/** What the guard must know of a token's holder. */
export interface HolderRow {
  tenant_state: string;
  user_role: string | null;
  user_role_scopes: string[] | null;
}

/** State of a token's tenant, and the role that its user has there; undefined when there is no such tenant. */
export async function tokenHolder(em: EntityManager, tenantId: string, userId: string | null): Promise<HolderRow | undefined> {
  return (await sql<HolderRow>`select * from identity.token_holder(${tenantId}, ${userId})`.execute(outside(em))).rows[0];
}

/** Ids of all tenants that are not suspended: what background jobs go through. */
export async function activeTenants(em: EntityManager): Promise<string[]> {
  return (await sql<{ id: string }>`select t.id from identity.active_tenants() as t(id)`.execute(outside(em))).rows.map((row) => row.id);
}

/** Writes a tenant unless its slug is taken; two that try at once are told apart by the unique key. Returns whether it was written. */
export async function insertTenant(db: Sql, tenant: { id: string; slug: string; name: string }, now: Date): Promise<boolean> {
  const made = await sql`
    insert into identity.tenant (id, slug, name, state, created_at, updated_at)
    values (${tenant.id}, ${tenant.slug}, ${tenant.name}, 'active', ${now}, ${now})
    on conflict (slug) do nothing returning id`.execute(db);
  return made.rows.length === 1;
}

/** Deletes the running tenant's own row. */
export async function deleteTenant(db: Sql, id: string): Promise<void> {
  await sql`delete from identity.tenant where id = ${id}`.execute(db);
}
