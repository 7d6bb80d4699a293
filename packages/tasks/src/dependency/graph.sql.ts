import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Makes edges between tasks that exist one after the other: two that are added at once may close a cycle that neither sees. */
export async function lockGraph(db: Sql): Promise<void> {
  await sql`insert into tasks.graph_lock (tenant_id) values (${currentTenantId()}) on conflict (tenant_id) do nothing`.execute(db);
  await sql`select from tasks.graph_lock where tenant_id = ${currentTenantId()} for update`.execute(db);
}

/**
 * A way from a task along what it waits for (its dependencies and, for a group, its children) to another, or around to
 * itself; null when there is none. It is looked for from its end, along those who wait: little waits for a root or for
 * what is new, however much those wait for. Served by task_dependency_dependents_index and task_pkey.
 */
export async function selectPath(db: Sql, from: string, to: string): Promise<string[] | null> {
  const tenantId = currentTenantId();
  const found = await sql<{ id: string; waits_for: string }>`
    with recursive way as (
      select ${to}::uuid as id, null::uuid as waits_for
      union
      select n.id, w.id
        from way w cross join lateral (
          select d.dependent_id as id from tasks.task_dependency d where d.tenant_id = ${tenantId} and d.dependency_id = w.id
          union all
          select p.id from tasks.task c join tasks.task p on p.tenant_id = c.tenant_id and p.id = c.parent_id where c.tenant_id = ${tenantId} and c.id = w.id and p.child_policy <> 'ignore'
        ) n
       where w.waits_for is null or w.id <> ${from}::uuid
    )
    select id, waits_for from way where waits_for is not null`.execute(db);
  const waitsFor = new Map<string, string>();
  for (const row of found.rows) if (!waitsFor.has(row.id)) waitsFor.set(row.id, row.waits_for);
  if (!waitsFor.has(from)) return null;
  const path = [from];
  do path.push(waitsFor.get(path.at(-1)!)!);
  while (path.at(-1) !== to);
  return path;
}
