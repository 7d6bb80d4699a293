import { Migration } from '@mikro-orm/migrations';

/** Of what was decided about trust, which is only added to, the names of people go when they are erased. */
export class Migration20261125004000_erasable_names extends Migration {
  override name = 'Migration20261125004000_erasable_names';

  override up(): void {
    this.addSql(`grant update ("decided_by_id", "decided_by_name") on "trust"."level_change" to hive_app;`);
    this.addSql(`grant update ("created_by_name") on "trust"."trust_policy" to hive_app;`);
    this.addSql(`grant update ("reported_by_name") on "trust"."incident" to hive_app;`);
  }

  override down(): void {
    this.addSql(`revoke update ("decided_by_id", "decided_by_name") on "trust"."level_change" from hive_app;`);
    this.addSql(`revoke update ("created_by_name") on "trust"."trust_policy" from hive_app;`);
    this.addSql(`revoke update ("reported_by_name") on "trust"."incident" from hive_app;`);
  }
}
