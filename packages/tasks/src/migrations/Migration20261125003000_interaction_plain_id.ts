import { Migration } from '@mikro-orm/migrations';

/** A task keeps the id of the interaction that it waited for last, and the interaction goes when its time is over. */
export class Migration20261125003000_interaction_plain_id extends Migration {
  override name = 'Migration20261125003000_interaction_plain_id';

  override up(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.addSql(`alter table "tasks"."task" drop constraint "task_tenant_id_interaction_id_foreign";`);
  }

  /** Tasks forget interactions that are gone: row level security is not forced on the owner for as long as the tables are locked. */
  override down(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    for (const table of ['"tasks"."task"', '"trust"."interaction"']) this.addSql(`alter table ${table} no force row level security;`);
    this.addSql(`update "tasks"."task" t set interaction_id = null where interaction_id is not null and not exists (select from "trust"."interaction" i where i.tenant_id = t.tenant_id and i.id = t.interaction_id);`);
    this.addSql(`alter table "tasks"."task" add constraint "task_tenant_id_interaction_id_foreign" foreign key ("tenant_id", "interaction_id") references "trust"."interaction" ("tenant_id", "id") on update no action on delete restrict not valid;`);
    this.addSql(`alter table "tasks"."task" validate constraint "task_tenant_id_interaction_id_foreign";`);
    for (const table of ['"tasks"."task"', '"trust"."interaction"']) this.addSql(`alter table ${table} force row level security;`);
  }
}
