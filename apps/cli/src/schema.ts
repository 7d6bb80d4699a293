import { connect, migrating } from '@agent-hive/api';
import { migrationStatus, type DomainStatus } from '@agent-hive/kernel';
import { FAILED, OK, table, type Context } from './context.js';
import { domains, withExisting, untouched } from './database.js';
import { drift } from './drift.js';

/** `hive schema`: where every domain stands, and whether somebody changed the database beside the migrations. Exits 1 when somebody did. */
export const schema = (context: Context, { json }: { json?: boolean }): Promise<number> =>
  withExisting(context, async (database) => {
    const statuses = database ? await migrating(database, () => migrationStatus(database, domains)) : untouched();
    // A schema that lacks a migration differs by what that one does: only a complete one can have drifted.
    const complete = statuses.every((status) => status.pending.length === 0 && status.unknown.length === 0);
    const found = database && complete ? await drift(await connect(database)) : null;
    const { io } = context;
    if (json) io.out(JSON.stringify({ domains: statuses, drift: found }, null, 2));
    else for (const line of [...describe(statuses), '', ...conclusion(found)]) io.out(line);
    return found?.length || statuses.some((status) => status.changed.length > 0) ? FAILED : OK;
  });

function describe(statuses: readonly DomainStatus[]): string[] {
  const rows = statuses.flatMap(({ domain, executed, pending, changed }) => [
    ...executed.map((e) => [domain, e.migration, changed.includes(e.migration) ? 'changed since' : (e.checksum?.slice(0, 12) ?? ''), e.appliedBy ?? '', e.appliedAt, e.durationMs === null ? '' : `${e.durationMs} ms`]),
    ...pending.map((name) => [domain, name, 'pending', '', '', '']),
  ]);
  return table(['domain', 'migration', 'checksum', 'applied by', 'at', 'took'], rows);
}

function conclusion(found: string[] | null): string[] {
  if (found === null) return ['Drift: not known until every migration has run (hive migrate)'];
  return found.length === 0 ? ['Drift: none, the live catalogue is what the migrations give'] : ['Drift:', ...found.map((line) => `  ${line}`)];
}
