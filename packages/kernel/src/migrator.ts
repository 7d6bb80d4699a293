import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { CompiledQuery } from 'kysely';
import type { MikroORM, Options } from '@mikro-orm/postgresql';
import { bootstrap } from './bootstrap.js';
import { entitiesOf, withUpstream, type Domain, type DomainMigration } from './domain.js';
import type { Database } from './engine/database.js';
import { recordingMigrator, type StepRecorder, type StepSql } from './recording-migrator.js';
import { newId } from './uuid.js';

/** One step that ran, as it is printed and as kernel.schema_version keeps it. */
export interface MigrationStep {
  domain: string;
  migration: string;
  direction: 'up' | 'down';
  durationMs: number;
}

/** Where one domain stands. `changed` names migrations whose code no longer is what ran here. */
export interface DomainStatus {
  domain: string;
  executed: { migration: string; checksum: string | null; appliedBy: string | null; durationMs: number | null; appliedAt: string }[];
  pending: string[];
  unknown: string[];
  changed: string[];
}

/** A migration failed; nothing of it was applied. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed';
}

export interface MigrateOptions {
  direction?: 'up' | 'down';
  /** Only this domain; all of them in the order of the arrows otherwise (reversed on the way down). */
  domain?: string;
  /** Up to and including this migration; on the way down, to the state right after it. `0` is the empty schema. Implies its domain. */
  to?: string;
  /** This many steps, counted per call. */
  steps?: number;
  onStep?: (step: MigrationStep) => void;
}

/**
 * Runs migrations of the domains, each in a transaction of its own, each domain with its own history table. Names,
 * durations and checksums go to kernel.schema_version. Returns the steps that ran; none when all is up to date.
 * Throws MigrationFailed naming the migration and why; nothing of that one is applied.
 */
export async function migrate(database: Database, domains: readonly Domain[], options: MigrateOptions = {}): Promise<MigrationStep[]> {
  const all = withUpstream(...domains);
  return asOwner(database, all, async (orm) => {
    const direction = options.direction ?? 'up';
    const steps: MigrationStep[] = [];
    for (const { domain, migration } of await plan(database, orm, all, options)) {
      const step = await runStep(database, domain, migration, direction);
      steps.push(step);
      options.onStep?.(step);
    }
    return steps;
  });
}

/** Where every domain stands, without changing anything. */
export async function migrationStatus(database: Database, domains: readonly Domain[]): Promise<DomainStatus[]> {
  const all = withUpstream(...domains);
  return withOwner(database, all, async (orm) => {
    const statuses: DomainStatus[] = [];
    for (const domain of all) statuses.push(await statusOf(database, orm, domain));
    return statuses;
  });
}

/** The names of migrations that have not run, cheap enough for readiness: one query, no DDL. */
export async function pendingMigrations(database: Database, orm: MikroORM, domains: readonly Domain[]): Promise<string[]> {
  const pending: string[] = [];
  for (const domain of withUpstream(...domains)) {
    const executed = new Set(await executedNames(database, orm, domain));
    pending.push(...domain.migrations.filter((m) => !executed.has(m.name)).map((m) => `${domain.name}/${m.name}`));
  }
  return pending;
}

/**
 * sha256 over the SQL of both directions: what the migration does, whatever its formatting. Nothing is sent: statements that
 * the migration executes itself are answered with no rows. One whose steps depend on rows counts by its source instead.
 */
export async function checksumOf(orm: MikroORM, migration: DomainMigration): Promise<string> {
  const hash = createHash('sha256');
  const add = (query: unknown, params: unknown = []) => hash.update(typeof query === 'string' ? query : JSON.stringify(query)).update(JSON.stringify(params) === '[]' ? '' : JSON.stringify(params)).update('\0');
  const nowhere = Object.create(orm.em.getDriver(), {
    execute: { value: async (query: unknown, params?: unknown) => (add(query, params), []) },
    createEntityManager: { value: () => notHere() },
  }) as ReturnType<typeof orm.em.getDriver>;
  for (const direction of ['up', 'down'] as const) {
    const instance = new migration.class(nowhere, orm.config);
    try {
      await instance[direction]();
    } catch {
      add(migration.class.toString()); // it needs rows, or has no way back: both are told when it runs
    }
    for (const query of instance.getQueries()) add(query);
  }
  return hash.digest('hex');
}

const notHere = (): never => {
  throw new Error('No entity manager while a checksum is taken');
};

async function withOwner<T>(database: Database, domains: readonly Domain[], work: (orm: MikroORM) => Promise<T>): Promise<T> {
  const orm = await database.orm({ entities: entitiesOf(domains.slice(0, 1)), login: 'owner' });
  try {
    await database.verifyVersion(orm);
    return await work(orm);
  } finally {
    await database.closeOrm(orm);
  }
}

/** The same, on what bootstrap makes, and as the role that owns the schemas. */
const asOwner = <T>(database: Database, domains: readonly Domain[], work: (orm: MikroORM) => Promise<T>): Promise<T> =>
  withOwner(database, domains, (orm) =>
    inTurn(database, orm, async () => {
      await bootstrap(database, orm, domains);
      if (database.engine === 'server') return work(orm);
      // The embedded engine has one session: it is the owner's while migrating, and the superuser's again after.
      await database.execute(orm, 'set role hive_owner');
      try {
        return await work(orm);
      } finally {
        await database.execute(orm, 'reset role');
      }
    }),
  );

/**
 * One process at a time bootstraps and migrates a database; the next one finds done what it wanted to do. The lock is
 * an advisory one, which data rule 10 forbids to the application: migrations run on the coordinator, and before the first
 * of them there is no table whose row could be locked. It belongs to a transaction, not to a session, so that a pooler keeps
 * its connection; the transaction has no snapshot and holds nothing else. A data directory has its own lock.
 */
async function inTurn<T>(database: Database, orm: MikroORM, work: () => Promise<T>): Promise<T> {
  if (database.engine === 'embedded') return work();
  return orm.em
    .getKysely<Record<string, never>>()
    .transaction()
    .execute(async (tx) => {
      await tx.executeQuery(CompiledQuery.raw(`set local lock_timeout = 0; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`));
      await tx.executeQuery(CompiledQuery.raw(`select pg_advisory_xact_lock(hashtext('hive_migrate'))`));
      return work();
    });
}

async function plan(database: Database, orm: MikroORM, domains: readonly Domain[], options: MigrateOptions): Promise<{ domain: Domain; migration: DomainMigration }[]> {
  const down = options.direction === 'down';
  if (options.to === '0' && !down) throw new MigrationFailed('0 is the empty schema, which only the way down leads to');
  const target = options.to && options.to !== '0' ? findTarget(domains, options) : undefined;
  const only = target?.domain.name ?? options.domain;
  if (only && !domains.some((d) => d.name === only)) throw new MigrationFailed(`No domain ${only}; there are ${domains.map((d) => d.name).join(', ')}`);
  const planned: { domain: Domain; migration: DomainMigration }[] = [];
  for (const domain of down ? [...domains].reverse() : domains) {
    if (only && domain.name !== only) continue;
    const executed = new Set(await executedNames(database, orm, domain));
    const inOrder = domain.migrations.filter((m) => executed.has(m.name) === down);
    const wanted = inOrder.filter((m) => !target || (down ? m.name > target.migration.name : m.name <= target.migration.name));
    for (const migration of down ? wanted.reverse() : wanted) planned.push({ domain, migration });
  }
  return options.steps === undefined ? planned : planned.slice(0, options.steps);
}

function findTarget(domains: readonly Domain[], options: MigrateOptions): { domain: Domain; migration: DomainMigration } {
  const all = domains.flatMap((domain) => domain.migrations.map((migration) => ({ domain, migration })));
  const within = all.filter(({ domain }) => !options.domain || options.domain === domain.name);
  const named = within.filter(({ migration }) => migration.name === options.to);
  const found = named.length > 0 ? named : within.filter(({ migration }) => migration.name.endsWith(`_${options.to}`));
  const names = (targets: typeof all) => targets.map(({ domain, migration }) => `${domain.name}/${migration.name}`).join(', ');
  if (found.length > 1) throw new MigrationFailed(`${options.to} may be ${names(found)}: give the whole name`);
  if (found[0]) return found[0];
  throw new MigrationFailed(`No migration ${options.to}; there are ${names(all)}`);
}

async function runStep(database: Database, domain: Domain, migration: DomainMigration, direction: 'up' | 'down'): Promise<MigrationStep> {
  const step = { domain: domain.name, migration: migration.name, direction, durationMs: 0 };
  let checksum = '';
  const started = performance.now();
  const record: StepRecorder = async (execute) => {
    step.durationMs = Math.round(performance.now() - started);
    await recordStep(execute, step, checksum);
  };
  const orm = await database.orm({ entities: entitiesOf(withUpstream(domain)), login: 'owner', overrides: migratorOptions(domain, record) });
  try {
    checksum = await checksumOf(orm, migration);
    if (database.engine === 'server') await becomeOwner(orm);
    await (direction === 'up' ? orm.migrator.up({ migrations: [migration.name] }) : orm.migrator.down({ migrations: [migration.name] }));
    return step;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationFailed(`Migration ${domain.name}/${migration.name} failed going ${direction}, and nothing of it was applied: ${reason}`, { cause: error });
  } finally {
    await database.closeOrm(orm);
  }
}

const migratorOptions = (domain: Domain, record: StepRecorder): Options => ({
  extensions: [recordingMigrator(record)],
  migrations: {
    migrationsList: domain.migrations.map(({ name, class: migration }) => ({ name, class: migration })),
    tableName: `${domain.name}.migrations`,
    snapshot: false,
    allOrNothing: false,
    silent: true,
  },
  // One connection, so that `set role` and the lock timeout hold for every statement of the step.
  pool: { min: 0, max: 1 },
});

async function becomeOwner(orm: MikroORM): Promise<void> {
  const kysely = orm.em.getKysely<Record<string, never>>();
  await kysely.executeQuery(CompiledQuery.raw(`set role hive_owner; set lock_timeout = '10s'`));
}

async function executedNames(database: Database, orm: MikroORM, domain: Domain): Promise<string[]> {
  const [table] = await database.execute<{ exists: boolean }>(orm, `select to_regclass('${domain.name}.migrations') is not null as exists`);
  if (!table?.exists) return [];
  const rows = await database.execute<{ name: string }>(orm, `select name from "${domain.name}".migrations order by id`);
  return rows.map((row) => row.name);
}

async function recordStep(execute: StepSql, step: MigrationStep, checksum: string): Promise<void> {
  // Going down, the kernel's own first migration takes the history table along.
  const [table] = await execute(`select to_regclass('kernel.schema_version') is not null as exists`);
  if (!table?.exists) return;
  await execute(
    `insert into kernel.schema_version (id, domain, migration, direction, checksum, applied_by, duration_ms, applied_at)
     values (?, ?, ?, ?, ?, ? || '@' || current_user, ?, clock_timestamp())`,
    [newId(), step.domain, step.migration, step.direction, checksum, userInfo().username, step.durationMs],
  );
}

interface HistoryRow {
  migration: string;
  checksum: string;
  applied_by: string;
  duration_ms: number;
}

async function statusOf(database: Database, orm: MikroORM, domain: Domain): Promise<DomainStatus> {
  const names = await executedNames(database, orm, domain);
  const rows = names.length
    ? await database.execute<{ name: string; executed_at: string | Date }>(orm, `select name, executed_at from "${domain.name}".migrations order by id`)
    : [];
  const [table] = await database.execute<{ exists: boolean }>(orm, `select to_regclass('kernel.schema_version') is not null as exists`);
  const history = table?.exists
    ? await database.execute<HistoryRow>(
        orm,
        `select distinct on (migration) migration, checksum, applied_by, duration_ms from kernel.schema_version
          where domain = '${domain.name}' and direction = 'up' order by migration, applied_at desc`,
      )
    : [];
  const byName = new Map(history.map((row) => [row.migration, row]));
  const changed: string[] = [];
  for (const migration of domain.migrations) {
    const ran = byName.get(migration.name);
    if (ran && names.includes(migration.name) && ran.checksum !== (await checksumOf(orm, migration))) changed.push(migration.name);
  }
  const known = new Set(domain.migrations.map((m) => m.name));
  return {
    domain: domain.name,
    executed: rows.map((row) => {
      const ran = byName.get(row.name);
      return {
        migration: row.name,
        checksum: ran?.checksum ?? null,
        appliedBy: ran?.applied_by ?? null,
        durationMs: ran?.duration_ms ?? null,
        appliedAt: new Date(row.executed_at).toISOString(),
      };
    }),
    pending: domain.migrations.filter((m) => !names.includes(m.name)).map((m) => m.name),
    unknown: names.filter((name) => !known.has(name)),
    changed,
  };
}
