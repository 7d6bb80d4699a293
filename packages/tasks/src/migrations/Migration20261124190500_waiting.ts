import { Migration } from '@mikro-orm/migrations';

const BEFORE = `'completed', 'failed', 'released', 'expired', 'cancelled', 'deadline_exceeded'`;

/** Tasks wait for answers of people. */
export class Migration20261124190500_waiting extends Migration {
  override name = 'Migration20261124190500_waiting';

  override up(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.#outcomes(`${BEFORE}, 'waiting'`);
    this.addSql(`alter table "tasks"."task" add "interaction_id" uuid null;`);
    this.addSql(`alter table "tasks"."task" add constraint "task_tenant_id_interaction_id_foreign" foreign key ("tenant_id", "interaction_id") references "trust"."interaction" ("tenant_id", "id") on update no action on delete restrict not valid;`);
    this.addSql(`alter table "tasks"."task" validate constraint "task_tenant_id_interaction_id_foreign";`);
    this.addSql(`create index "task_interaction_index" on "tasks"."task" ("tenant_id", "interaction_id") where interaction_id is not null;`);
  }

  /** What waits for an answer could wait for ever, since nothing would end it: it is given back. */
  override down(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.#ofAllTenants('task', `update tasks.task set status = 'ready', status_reason = null, progress = 0, held_by = case when concurrency_key is not null then 'concurrency_key' end, assignee_id = nullif(reserved_for, '00000000-0000-0000-0000-000000000000') where status = 'waiting' and status_reason = 'interaction'`);
    this.#ofAllTenants('attempt', `update tasks.attempt set outcome = 'released' where outcome = 'waiting'`);
    this.#outcomes(BEFORE);
    this.addSql(`drop index "tasks"."task_interaction_index";`);
    this.addSql(`alter table "tasks"."task" drop constraint "task_tenant_id_interaction_id_foreign";`);
    this.addSql(`alter table "tasks"."task" drop column "interaction_id";`);
  }

  #outcomes(list: string): void {
    this.addSql(`alter table "tasks"."attempt" drop constraint "attempt_outcome_check";`);
    this.addSql(`alter table "tasks"."attempt" add constraint "attempt_outcome_check" check (outcome in (${list})) not valid;`);
    this.addSql(`alter table "tasks"."attempt" validate constraint "attempt_outcome_check";`);
  }

  /** Forced, row level security hides every row from the owner, too; while the table is locked, nobody else sees more for it. */
  #ofAllTenants(table: string, statement: string): void {
    this.addSql(`alter table "tasks"."${table}" no force row level security;`);
    this.addSql(`${statement};`);
    this.addSql(`alter table "tasks"."${table}" force row level security;`);
  }
}
