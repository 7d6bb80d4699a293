import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** Adds a type with its entry; false when it is there: the conflict is awaited by the primary key, so of two first writers one adds it. */
export async function insertAgentType(db: Sql, name: string, description: string | null): Promise<boolean> {
  const now = new Date();
  const entry = insertEntry({ action: 'agent_type.created', subjectType: 'agent_type', subjectId: name, newState: { name, description } }, 'made');
  const added = await sql`
    with made as (
      insert into agents.agent_type (tenant_id, name, description, created_at, updated_at) values (${currentTenantId()}, ${name}, ${description}, ${now}, ${now})
      on conflict (tenant_id, name) do nothing
      returning name
    ), entry as (${entry})
    select name from made`.execute(db);
  return added.rows.length === 1;
}
