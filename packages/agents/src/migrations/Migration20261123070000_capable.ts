import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

/** Under row level security the planner does not use the capabilities index: `?` is not leakproof. This function may. */
export class Migration20261123070000_capable extends Migration {
  override name = 'Migration20261123070000_capable';

  override up(): void {
    this.addSql(`
      create function agents.capable(wanted text[]) returns table (agent_id uuid, matched text[])
      language sql stable security definer set search_path = pg_catalog as $$
        select found.agent_id, array_agg(distinct found.name order by found.name)
          from (
            select a.id as agent_id, w.name
              from unnest(wanted) as w(name)
              join agents.agent a on a.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and a.capabilities ? w.name
            union all
            select i.agent_id, c.capability_name
              from agents.capability c
              join agents.instruction i on i.tenant_id = c.tenant_id and i.id = c.instruction_id
             where c.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and c.capability_name = any (wanted)
          ) found
         group by found.agent_id
      $$;`);
    for (const statement of ownedBySearch('agents', 'agents.capable(text[])')) this.addSql(statement);
  }

  override down(): void {
    this.addSql(`set local role hive_search;`);
    this.addSql(`drop function agents.capable(text[]);`);
    this.addSql(`set local role hive_owner;`);
  }
}
