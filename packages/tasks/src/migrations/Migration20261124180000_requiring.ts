import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

/** Under row level security the planner does not use the capabilities index: `@>` is not leakproof. This function may. */
export class Migration20261124180000_requiring extends Migration {
  override name = 'Migration20261124180000_requiring';

  override up(): void {
    this.addSql(`
      create function tasks.requiring(capability text) returns table (task_id uuid)
      language sql stable security definer set search_path = pg_catalog as $$
        select t.id from tasks.task t
         where t.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
           and t.required_capabilities <> '[]'::jsonb and t.required_capabilities @> jsonb_build_array(capability)
      $$;`);
    for (const statement of ownedBySearch('tasks', 'tasks.requiring(text)')) this.addSql(statement);
  }

  override down(): void {
    this.addSql(`set local role hive_search;`);
    this.addSql(`drop function tasks.requiring(text);`);
    this.addSql(`set local role hive_owner;`);
  }
}
