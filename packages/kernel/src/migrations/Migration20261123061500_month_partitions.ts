import { Migration } from '@mikro-orm/migrations';

/**
 * Months of partitioned tables are made by a function of the owner, since the application's login may not create tables.
 * A month is out of everybody's direct reach: rows are read and written through the parent, whose policies then apply.
 */
export class Migration20261123061500_month_partitions extends Migration {
  override name = 'Migration20261123061500_month_partitions';

  override up(): void {
    this.addSql(`
      create function kernel.id_floor(at timestamptz) returns uuid language sql immutable strict as $$
        select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7000' || '8000000000000000')::uuid
      $$;`);
    this.addSql(`
      create function kernel.ensure_months(parent regclass, starting timestamptz, months integer) returns setof text
      language plpgsql security definer set search_path = pg_catalog set lock_timeout = '5s' as $$
      declare
        parent_schema text; parent_name text; month timestamptz; child text;
      begin
        select n.nspname, c.relname into parent_schema, parent_name
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.oid = parent and c.relkind = 'p' and c.relowner = 'hive_owner'::regrole;
        if parent_name is null then raise exception '% is no partitioned table of the hive', parent; end if;
        for i in 0 .. months loop
          month := date_trunc('month', starting at time zone 'UTC') at time zone 'UTC' + make_interval(months => i);
          child := format('%s_%s', parent_name, to_char(month at time zone 'UTC', 'YYYYMM'));
          continue when exists (select from pg_class c where c.relnamespace = parent_schema::regnamespace and c.relname = child);
          execute format('create table %I.%I partition of %s for values from (%L) to (%L)', parent_schema, child, parent,
            kernel.id_floor(month), kernel.id_floor(month + interval '1 month'));
          execute format('alter table %I.%I enable row level security', parent_schema, child);
          execute format('alter table %I.%I force row level security', parent_schema, child);
          execute format('revoke all on %I.%I from hive_app, hive_ops, hive_search', parent_schema, child);
          return next child;
        end loop;
      end $$;`);
    this.addSql(`revoke all on function kernel.ensure_months(regclass, timestamptz, integer) from public;`);
    this.addSql(`grant execute on function kernel.ensure_months(regclass, timestamptz, integer) to hive_app, hive_ops;`);
  }

  override down(): void {
    this.addSql(`drop function kernel.ensure_months(regclass, timestamptz, integer);`);
    this.addSql(`drop function kernel.id_floor(timestamptz);`);
  }
}
