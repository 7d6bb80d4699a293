import { migrating, withProgress } from '@agent-hive/api';
import { migrate, migrationStatus, withUpstream, type Database, type DomainStatus, type MigrateOptions, type MigrationStep } from '@agent-hive/kernel';
import { CommandFailed, OK, table, WrongUsage, type Context } from './context.js';
import { domains, withExisting, untouched, withDatabase } from './database.js';

interface Options {
  to?: string;
  steps?: number;
  down?: boolean;
  status?: boolean;
  domain?: string;
  json?: boolean;
}

/** `hive migrate`: runs migrations up or down, or shows where they stand. */
export async function migrateCommand(context: Context, options: Options): Promise<number> {
  requireDomain(options.domain);
  if (options.to === '0' && !options.down) throw new WrongUsage('0 is the empty schema, and the way there is down: add --down to undo everything; what was created is dropped with its data');
  return options.status ? show(context, options) : run(context, options);
}

const show = (context: Context, { domain, json }: Options): Promise<number> =>
  withExisting(context, async (database) => {
    const statuses = only(database ? await migrating(database, () => migrationStatus(database, domains)) : untouched(), domain);
    for (const line of json ? [JSON.stringify(statuses, null, 2)] : describe(statuses)) context.io.out(line);
    return OK;
  });

const run = (context: Context, options: Options): Promise<number> =>
  // Nothing can be undone where there is nothing, so no database is made for that.
  (options.down ? withExisting : withDatabase)(context, async (database: Database | null) => {
    const { io } = context;
    const wanted = wishes(options);
    const onStep = (step: MigrationStep) => {
      if (!options.json) io.out(`${step.direction}  ${step.domain}/${step.migration}  ${step.durationMs} ms`);
    };
    const steps = database ? await migrateTo(database, context, options, { ...wanted, onStep }) : [];
    if (options.json) io.out(JSON.stringify(steps, null, 2));
    else io.out(steps.length === 0 ? 'Nothing to do: the schema is where you want it' : `${steps.length} ${steps.length === 1 ? 'migration' : 'migrations'} ${wanted.direction === 'up' ? 'applied' : 'undone'}`);
    return OK;
  });

async function migrateTo(database: Database, { io }: Context, options: Options, wanted: MigrateOptions): Promise<MigrationStep[]> {
  if (wanted.to && wanted.to !== '0') refuseOtherWay(await migrating(database, () => migrationStatus(database, domains)), options);
  return withProgress(io, 'Migrating the database', () => migrating(database, () => migrate(database, domains, wanted)));
}

/** Going down is one step unless more is asked for: the data of an undone migration is gone. */
function wishes({ down, to, steps, domain }: Options): MigrateOptions {
  const direction = down ? 'down' : 'up';
  return { direction, to, domain, steps: steps ?? (down && to === undefined ? 1 : undefined) };
}

/**
 * Up to a migration that later ones stand on already, and down to one that has not run, would do nothing, silently; what is meant
 * is the other way, which must be asked for: downwards data goes with it, and upwards changes what was to be taken back.
 */
function refuseOtherWay(statuses: readonly DomainStatus[], { to, down, domain }: Options): void {
  const is = (name: string) => name === to || name.endsWith(`_${to}`);
  for (const status of only(statuses, domain)) {
    const names = status.executed.map((e) => e.migration);
    const at = names.findIndex(is);
    const later = at === -1 ? [] : names.slice(at + 1);
    const pending = status.pending.find(is);
    if (!down && later.length > 0) throw new CommandFailed(`${status.domain} is past ${names[at]} by ${later.join(', ')}: add --down to undo them; what they created is dropped with its data`);
    if (down && pending) throw new CommandFailed(`${status.domain} has not reached ${pending}: leave --down away to apply what leads there`);
  }
}

function requireDomain(domain: string | undefined): void {
  const names = withUpstream(...domains).map(({ name }) => name);
  if (domain !== undefined && !names.includes(domain)) throw new CommandFailed(`No domain ${domain}; there are ${names.join(', ')}`);
}

const only = (statuses: readonly DomainStatus[], domain: string | undefined): DomainStatus[] => statuses.filter((status) => domain === undefined || status.domain === domain);

function describe(statuses: readonly DomainStatus[]): string[] {
  const rows = statuses.flatMap((status) => [
    ...status.executed.map((e) => [status.domain, e.migration, status.unknown.includes(e.migration) ? 'unknown here' : 'applied', e.appliedAt, e.durationMs === null ? '' : `${e.durationMs} ms`]),
    ...status.pending.map((name) => [status.domain, name, 'pending', '', '']),
  ]);
  return table(['domain', 'migration', 'state', 'at', 'took'], rows);
}
