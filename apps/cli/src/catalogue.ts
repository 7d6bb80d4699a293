import { withUpstream, type Domain } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { sql, type Transaction } from 'kysely';

/*
 * The catalogue in words, the same from PostgreSQL 15 to 18 and from the embedded engine, so that two databases can be
 * compared as texts:
 *
 *   "table audit.entry" -> owner, kind, row level security, columns, constraints, indexes, policies, grants, those of columns too
 *   "function kernel.ensure_months(regclass, ...)" -> attributes, source, grants
 *   "schema audit", "sequence ...", "view ...", "type ..."
 *
 * Left out: months of partitioned tables (maintenance makes them), what an owner may do to its own (a version adds
 * privileges), and NOT NULL as a constraint (18 names them, 15 does not; the column says it). Columns are in the order of
 * their names: where a column was added says nothing about the schema.
 */
export type Catalogue = Record<string, CatalogueObject>;
export type CatalogueObject = Record<string, string | Record<string, string>>;

type Tx = Transaction<Record<string, never>>;
type Row = { name: string; body: CatalogueObject };

/** Reads the schemas of the domains out of a live database. */
export async function dumpSchema(orm: MikroORM, domains: readonly Domain[]): Promise<Catalogue> {
  const schemas = withUpstream(...domains).map((domain) => domain.name);
  return orm.em
    .fork()
    .getKysely<Record<string, never>>()
    .transaction()
    .execute(async (tx) => {
      // Deparsed expressions qualify what the search path does not reach: with this one, everything but the built-in.
      await sql`set local search_path = pg_catalog`.execute(tx);
      const rows: Row[] = [];
      for (const read of [readSchemas, readTables, readViews, readSequences, readFunctions, readTypes]) rows.push(...(await read(tx, schemas)));
      return byName(rows.map(({ name, body }) => [name, tidied(body)]));
    });
}

/** Every difference as a line: what `live` lacks, what it has beside, and what it has otherwise. */
export function differences(expected: Catalogue, live: Catalogue): string[] {
  const [wanted, found] = [flatten(expected), flatten(live)];
  const lines: string[] = [];
  for (const path of [...new Set([...wanted.keys(), ...found.keys()])].sort()) {
    const [want, have] = [wanted.get(path), found.get(path)];
    if (want === have) continue;
    if (have === undefined) lines.push(`missing: ${path}: ${want}`);
    else if (want === undefined) lines.push(`not of any migration: ${path}: ${have}`);
    else lines.push(`changed: ${path}: ${have} (migrations give ${want})`);
  }
  return lines;
}

function flatten(catalogue: Catalogue): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, body] of Object.entries(catalogue)) {
    for (const [key, value] of Object.entries(body)) {
      if (typeof value === 'string') flat.set(`${name} ${key}`, value);
      else for (const [part, text] of Object.entries(value)) flat.set(`${name} ${key} ${part}`, text);
    }
  }
  return flat;
}

/** What there is to say, in the order of the names. */
function tidied(body: CatalogueObject): CatalogueObject {
  const entries = Object.entries(body).filter(([, value]) => value !== null && Object.keys(value).length > 0);
  return byName(entries.map(([key, value]) => [key, typeof value === 'string' ? value : byName(Object.entries(value))]));
}

const byName = <T>(entries: [string, T][]): Record<string, T> => Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));

const list = (schemas: readonly string[]) => sql.join(schemas);

/** `grantee: privilege, ...` of an access list, the owner's own aside. */
const grants = (acl: string, kind: string, owner: string) => sql`
  (select coalesce(jsonb_object_agg(grantee, privileges), '{}')
     from (select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as grantee,
                  string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
             from aclexplode(coalesce(${sql.raw(acl)}, acldefault(${sql.lit(kind)}::"char", ${sql.raw(owner)}))) a
            where a.grantee <> ${sql.raw(owner)} group by 1) g)`;

async function readSchemas(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'schema ' || n.nspname as name, jsonb_build_object(
             'owner', n.nspowner::regrole::text,
             'grants', ${grants('n.nspacl', 'n', 'n.nspowner')},
             'defaults', (select coalesce(jsonb_object_agg(key, privileges), '{}')
                            from (select d.defaclobjtype::text || ' ' || a.grantee::regrole::text as key, string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
                                    from pg_default_acl d cross join aclexplode(d.defaclacl) a
                                   where d.defaclnamespace = n.oid and a.grantee <> d.defaclrole group by 1) x)) as body
      from pg_namespace n where n.nspname in (${list(schemas)})`.execute(tx);
  return rows;
}

async function readTables(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'table ' || n.nspname || '.' || c.relname as name, jsonb_build_object(
             'owner', c.relowner::regrole::text,
             'kind', case when c.relkind = 'p' then 'partitioned by ' || pg_get_partkeydef(c.oid) else '' end,
             'security', case when c.relforcerowsecurity and c.relrowsecurity then 'forced' when c.relrowsecurity then 'enabled' else '' end,
             'columns', (select coalesce(jsonb_object_agg(a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                                  case when a.attgenerated <> '' then 'generated as ' || pg_get_expr(d.adbin, d.adrelid) else 'default ' || pg_get_expr(d.adbin, d.adrelid) end,
                                  case a.attidentity when 'a' then 'identity always' when 'd' then 'identity' end,
                                  case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end)), '{}')
                           from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
             'constraints', (select coalesce(jsonb_object_agg(k.conname, pg_get_constraintdef(k.oid)), '{}') from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'),
             'indexes', (select coalesce(jsonb_object_agg(i.relname, concat_ws(' ', pg_get_indexdef(x.indexrelid), case when not x.indisvalid then 'invalid' end)), '{}')
                           from pg_index x join pg_class i on i.oid = x.indexrelid
                          where x.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x') and k.conrelid = c.oid)),
             'policies', (select coalesce(jsonb_object_agg(p.polname, concat_ws(' ', case when p.polpermissive then 'permissive' else 'restrictive' end,
                                   case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
                                   'to ' || (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ', ' order by 1) from unnest(p.polroles) r),
                                   'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')), '{}')
                            from pg_policy p where p.polrelid = c.oid),
             'triggers', (select coalesce(jsonb_object_agg(t.tgname, pg_get_triggerdef(t.oid)), '{}') from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal),
             'comments', (select coalesce(jsonb_object_agg(coalesce(a.attname, ''), s.description), '{}') from pg_description s left join pg_attribute a on a.attrelid = s.objoid and a.attnum = s.objsubid and s.objsubid > 0
                           where s.objoid = c.oid and s.classoid = 'pg_class'::regclass),
             'column grants', (select coalesce(jsonb_object_agg(attname || ' ' || grantee, privileges), '{}')
                                from (select a.attname, case when g.grantee = 0 then 'public' else g.grantee::regrole::text end as grantee,
                                             string_agg(lower(g.privilege_type), ', ' order by g.privilege_type) as privileges
                                        from pg_attribute a cross join aclexplode(a.attacl) g
                                       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and g.grantee <> c.relowner group by 1, 2) x),
             'grants', ${grants('c.relacl', 'r', 'c.relowner')}) as body
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in (${list(schemas)}) and c.relkind in ('r', 'p') and not c.relispartition`.execute(tx);
  return rows;
}

async function readViews(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'view ' || n.nspname || '.' || c.relname as name, jsonb_build_object(
             'owner', c.relowner::regrole::text, 'options', coalesce(array_to_string(c.reloptions, ', '), ''),
             'definition', pg_get_viewdef(c.oid), 'grants', ${grants('c.relacl', 'r', 'c.relowner')}) as body
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in (${list(schemas)}) and c.relkind in ('v', 'm')`.execute(tx);
  return rows;
}

async function readSequences(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'sequence ' || n.nspname || '.' || c.relname as name, jsonb_build_object(
             'owner', c.relowner::regrole::text, 'type', format_type(s.seqtypid, null), 'grants', ${grants('c.relacl', 's', 'c.relowner')}) as body
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid where n.nspname in (${list(schemas)})`.execute(tx);
  return rows;
}

async function readFunctions(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name, jsonb_build_object(
             'owner', p.proowner::regrole::text,
             'attributes', concat_ws(' ', 'returns ' || pg_get_function_result(p.oid), 'language ' || l.lanname, case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                case when p.proisstrict then 'strict' end, case when p.prosecdef then 'security definer' end, case when p.proleakproof then 'leakproof' end,
                'set ' || nullif(array_to_string(p.proconfig, ', '), '')),
             'source', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'grants', ${grants('p.proacl', 'f', 'p.proowner')}) as body
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang where n.nspname in (${list(schemas)})`.execute(tx);
  return rows;
}

async function readTypes(tx: Tx, schemas: readonly string[]): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select 'type ' || n.nspname || '.' || t.typname as name, jsonb_build_object(
             'owner', t.typowner::regrole::text,
             'definition', case t.typtype when 'e' then (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid)
                                          else concat_ws(' ', format_type(t.typbasetype, t.typtypmod), (select string_agg(pg_get_constraintdef(k.oid), ' ' order by k.conname) from pg_constraint k where k.contypid = t.oid)) end) as body
      from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname in (${list(schemas)}) and t.typtype in ('e', 'd')`.execute(tx);
  return rows;
}
