import { migrating, withProgress } from '@agent-hive/api';
import { migrate, migrationStatus, type DomainStatus, type MigrateOptions, type MigrationStep } from '@agent-hive/kernel';
import { CommandFailed, OK, table, type Context } from './context.js';
import { domains, withDatabase } from './database.js';

interface Options {
  to?: string;
  steps?: number;
  down?: boolean;
  status?: boolean;
  domain?: string;
  json?: boolean;
}

/** `hive migrate`: runs migrations up or down, or shows where they stand. */
export const migrateCommand = (context: Context, options: Options): Promise<number> =>
  withDatabase(context, async (database) => {
    const { io } = context;
    if (options.status) {
      const statuses = only(await migrating(database, () => migrationStatus(database, domains)), options.domain);
      for (const line of options.json ? [JSON.stringify(statuses, null, 2)] : describe(statuses)) io.out(line);
      return OK;
    }
    const wanted = wishes(options);
    if (wanted.to && wanted.direction === 'up') refuseBackwards(await migrating(database, () => migrationStatus(database, domains)), wanted.to, options.domain);
    const onStep = (step: MigrationStep) => {
      if (!options.json) io.out(`${step.direction}  ${step.domain}/${step.migration}  ${step.durationMs} ms`);
    };
    const steps = await withProgress(io, 'Migrating the database', () => migrating(database, () => migrate(database, domains, { ...wanted, onStep })));
    if (options.json) io.out(JSON.stringify(steps, null, 2));
    else io.out(steps.length === 0 ? 'Nothing to do: the schema is where you want it' : `${steps.length} ${steps.length === 1 ? 'migration' : 'migrations'} ${wanted.direction === 'up' ? 'applied' : 'undone'}`);
    return OK;
  });

/** Going down is one step unless more is asked for: the data of an undone migration is gone. */
function wishes({ down, to, steps, domain }: Options): MigrateOptions {
  if (to === '0' && !down) throw new CommandFailed('0 is the empty schema, and the way there is down: add --down to undo everything; what was created is dropped with its data');
  const direction = down ? 'down' : 'up';
  return { direction, to, domain, steps: steps ?? (down && to === undefined ? 1 : undefined) };
}

/** Up to a migration that later ones stand on already would do nothing, silently; what is meant is the way down. */
function refuseBackwards(statuses: readonly DomainStatus[], to: string, domain: string | undefined): void {
  for (const status of only(statuses, domain)) {
    const names = status.executed.map((e) => e.migration);
    const at = names.findIndex((name) => name === to || name.endsWith(`_${to}`));
    const later = at === -1 ? [] : names.slice(at + 1);
    if (later.length > 0) throw new CommandFailed(`${status.domain} is past ${names[at]} by ${later.join(', ')}: add --down to undo them; what they created is dropped with its data`);
  }
}

function only(statuses: readonly DomainStatus[], domain: string | undefined): DomainStatus[] {
  const found = statuses.filter((status) => domain === undefined || status.domain === domain);
  if (found.length === 0) throw new CommandFailed(`No domain ${domain}; there are ${statuses.map((s) => s.domain).join(', ')}`);
  return found;
}

function describe(statuses: readonly DomainStatus[]): string[] {
  const rows = statuses.flatMap((status) => [
    ...status.executed.map((e) => [status.domain, e.migration, status.unknown.includes(e.migration) ? 'unknown here' : 'applied', e.appliedAt, e.durationMs === null ? '' : `${e.durationMs} ms`]),
    ...status.pending.map((name) => [status.domain, name, 'pending', '', '']),
  ]);
  return table(['domain', 'migration', 'state', 'at', 'took'], rows);
}
