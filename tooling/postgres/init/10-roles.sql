-- Roles, extensions and rights of a database of Agent Hive, before its first migration. The image of PostgreSQL 18 runs
-- this once, as superuser, when its volume is empty. By hand, on PostgreSQL 16 or newer:
--
--   HIVE_OWNER_PASSWORD=... HIVE_LOGIN_PASSWORD=... psql -v ON_ERROR_STOP=1 -f tooling/postgres/init/10-roles.sql URL_OF_A_SUPERUSER
--
--   hive_owner   login of migrations (DATABASE_MIGRATION_URL): owns the schemas and every table
--   hive         login of the application (DATABASE_URL): bound by row level security
--   hive_app     what `hive` acts as within a tenant: reads and writes rows, no more
--   hive_ops     what background sweepers act as: every tenant's rows
--   hive_search  owns the search functions: reads every tenant's rows, and only from within them
--   hive_backup  for pg_dump --role=hive_backup: row level security would cut a dump short

\getenv owner_password HIVE_OWNER_PASSWORD
\getenv login_password HIVE_LOGIN_PASSWORD

begin;

create role hive_owner login noinherit nosuperuser nobypassrls password :'owner_password';
create role hive_app nologin nosuperuser nobypassrls;
create role hive_search nologin nosuperuser nobypassrls;
create role hive_ops nologin nosuperuser nobypassrls;
create role hive_backup nologin nosuperuser bypassrls;
create role hive login nosuperuser nobypassrls nocreatedb nocreaterole password :'login_password' connection limit 100;

grant hive_app to hive;
-- Inherited, these would open every tenant to a statement that forgot to choose its role: they take a `set role`.
grant hive_ops to hive with inherit false, set true;
-- For `alter function ... owner to hive_search` in migrations.
grant hive_search to hive_owner with inherit false, set true;

-- Only a superuser may create vector, so all four are here and not in a migration.
create extension vector with schema public;
create extension pg_trgm with schema public;
create extension unaccent with schema public;
create extension btree_gin with schema public;

revoke all on database :"DBNAME" from public;
grant connect, create, temporary on database :"DBNAME" to hive_owner;
grant connect on database :"DBNAME" to hive, hive_backup;

commit;
