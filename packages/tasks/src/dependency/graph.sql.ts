import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Makes edges between tasks that exist one after the other: two that are added at once may close a cycle that neither sees. */
export async function lockGraph(db: Sql): Promise<void> {
  await sql`insert into tasks.graph_lock (tenant_id) values (${currentTenantId()}) on conflict (tenant_id) do nothing`.execute(db);
  await sql`select from tasks.graph_lock where tenant_id = ${currentTenantId()} for update`.execute(db);
}

/**
 * A way from a task along what it waits for (its dependencies and, for a group, its children) to another; null when there
 * is none. Each task is visited once. Served by task_dependency_pkey and task_parent_index.
 */
export async function selectPath(db: Sql, from: string, to: string): Promise<string[] | null> {
  const tenantId = currentTenantId();
  const found = await sql<{ id: string; came_from: string | null }>`
    with recursive way as (
      select ${from}::uuid as id, null::uuid as came_from
      union
      select n.id, w.id
        from way w cross join lateral (
          select d.dependency_id as id from tasks.task_dependency d where d.tenant_id = ${tenantId} and d.dependent_id = w.id
          union all
          select c.id from tasks.task p join tasks.task c on c.tenant_id = p.tenant_id and c.parent_id = p.id where p.tenant_id = ${tenantId} and p.id = w.id and p.child_policy <> 'ignore'
        ) n
       where w.id <> ${to}::uuid
    )
    select id, came_from from way`.execute(db);
  const cameFrom = new Map<string, string | null>();
  for (const row of found.rows) if (!cameFrom.has(row.id)) cameFrom.set(row.id, row.came_from);
  if (!cameFrom.has(to)) return null;
  const path: string[] = [];
  for (let at: string | null = to; at !== null; at = cameFrom.get(at) ?? null) path.unshift(at);
  return path;
}
