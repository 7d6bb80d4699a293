import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '../search-function.js';

/**
 * A month of a partitioned table is dropped once no tenant has a row in it. Only hive_search sees the rows of all tenants, and
 * only the owner may drop; a look without a lock comes first, so that a month in use costs nobody a wait.
 */
export class Migration20261124223100_drop_months extends Migration {
  override name = 'Migration20261124223100_drop_months';

  override up(): void {
    this.addSql(`
      create function kernel.month_is_empty(parent regclass, month timestamptz) returns boolean language plpgsql security definer set search_path = pg_catalog as $$
      declare
        is_empty boolean;
      begin
        execute format('select not exists (select from %s where id >= %L and id < %L)', parent, kernel.id_floor(month), kernel.id_floor(month + interval '1 month')) into is_empty;
        return is_empty;
      end $$;`);
    for (const statement of ownedBySearch('kernel', 'kernel.month_is_empty(regclass, timestamptz)')) this.addSql(statement);
    this.addSql(`set local role hive_search;`);
    this.addSql(`grant execute on function kernel.month_is_empty(regclass, timestamptz) to hive_owner;`);
    this.addSql(`set local role hive_owner;`);
    this.addSql(`
      create function kernel.drop_empty_months(parent regclass, until timestamptz) returns setof text
      language plpgsql security definer set search_path = pg_catalog set lock_timeout = '5s' set timezone = 'UTC' as $$
      declare
        parent_name text; child regclass; child_name text; month timestamptz;
      begin
        select c.relname into parent_name from pg_class c where c.oid = parent and c.relkind = 'p' and c.relowner = 'hive_owner'::regrole;
        if parent_name is null then raise exception '% is no partitioned table of the hive', parent; end if;
        for child, child_name in
          select c.oid::regclass, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = parent and c.relname ~ '_[0-9]{6}$' order by c.relname
        loop
          month := to_timestamp(right(child_name, 6), 'YYYYMM');
          continue when month + interval '1 month' > least(until, date_trunc('month', now()));
          continue when not kernel.month_is_empty(parent, month);
          execute format('lock table %s in access exclusive mode', parent);
          continue when not kernel.month_is_empty(parent, month);
          execute format('drop table %s', child);
          return next child_name;
        end loop;
      end $$;`);
    this.addSql(`revoke all on function kernel.drop_empty_months(regclass, timestamptz) from public;`);
    this.addSql(`grant execute on function kernel.drop_empty_months(regclass, timestamptz) to hive_app, hive_ops;`);
  }

  override down(): void {
    this.addSql(`drop function kernel.drop_empty_months(regclass, timestamptz);`);
    this.addSql(`drop function kernel.month_is_empty(regclass, timestamptz);`);
  }
}
