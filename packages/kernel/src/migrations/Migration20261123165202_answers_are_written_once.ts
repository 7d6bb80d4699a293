import { Migration } from '@mikro-orm/migrations';

/** An answer is inserted when it is known, and rows lie in the order in which they expire. */
export class Migration20261123165202_answers_are_written_once extends Migration {
  override name = 'Migration20261123165202_answers_are_written_once';

  override up(): void {
    this.addSql(`drop index "kernel"."idempotency_key_expires_at_index";`);
    this.addSql(`alter table "kernel"."idempotency_key" alter column "status" set not null;`);
    this.addSql(`create index "idempotency_key_expires_at_index" on "kernel"."idempotency_key" using brin ("tenant_id", "expires_at");`);
  }

  override down(): void {
    this.addSql(`drop index "kernel"."idempotency_key_expires_at_index";`);
    this.addSql(`alter table "kernel"."idempotency_key" alter column "status" drop not null;`);
    this.addSql(`create index "idempotency_key_expires_at_index" on "kernel"."idempotency_key" ("tenant_id", "expires_at");`);
  }
}
