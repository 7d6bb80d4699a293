import { existsSync } from 'node:fs';
import { announced, connect, explain, openEngine, readConfig, type Config } from '@agent-hive/api';
import { DirectoryInUse } from '@agent-hive/kernel';
import { FAILED, OK, quiet, table, type Context } from './context.js';
import { checkConnection, checkSchema, type Finding } from './doctor-checks.js';

const MARK = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** `hive doctor`: looks at everything and changes nothing. Exits 1 when something fails. */
export async function doctor(context: Context, { json }: { json?: boolean }): Promise<number> {
  const { io } = context;
  const findings = await examine(context);
  if (json) io.out(JSON.stringify(findings, null, 2));
  else for (const line of table(['', 'check', 'finding'], findings.map((f) => [MARK[f.status], f.check, f.detail]))) io.out(line);
  const failed = findings.filter((f) => f.status === 'fail').length;
  if (!json) io.out(failed === 0 ? 'All is well' : `${failed} checks failed`);
  return failed === 0 ? OK : FAILED;
}

async function examine(context: Context): Promise<Finding[]> {
  const findings: Finding[] = [];
  let config: Config;
  try {
    const read = readConfig(quiet(context.env));
    config = read.config;
    findings.push({ check: 'configuration', status: read.warnings.length ? 'warn' : 'ok', detail: read.warnings.join('; ') || 'valid' });
  } catch (error) {
    return [{ check: 'configuration', status: 'fail', detail: explainOrThrow(error) }];
  }
  if (isNew(config)) return [...findings, { check: 'engine', status: 'warn', detail: `no database in ${config.HIVE_DATA_DIR} yet: hive start makes one` }];
  return [...findings, ...(await examineDatabase(context, config))];
}

async function examineDatabase({ io }: Context, config: Config): Promise<Finding[]> {
  try {
    const database = await openEngine(config, io);
    try {
      const orm = await connect(database);
      const findings = await checkConnection(database, orm);
      // A login without rights on the schemas can tell nothing about them.
      return findings.some((f) => f.check === 'membership') ? findings : [...findings, ...(await checkSchema(database, orm))];
    } finally {
      await database.close();
    }
  } catch (error) {
    if (error instanceof DirectoryInUse) return askServer(config, error);
    return [{ check: 'engine', status: 'fail', detail: explainOrThrow(error) }];
  }
}

/** The embedded database is held by a running server, which knows about itself what readiness asks. */
async function askServer(config: Config, inUse: DirectoryInUse): Promise<Finding[]> {
  const server = announced(config.HIVE_DATA_DIR);
  if (!server) return [{ check: 'engine', status: 'warn', detail: inUse.message }];
  const answer = await fetch(new URL('/readyz', server.url));
  const { checks } = (await answer.json()) as { checks: Record<string, { ok: boolean; detail: string }> };
  return [
    { check: 'engine', status: 'ok', detail: `held by the server at ${server.url} (process ${server.pid}); stop it for the checks of its catalogue` },
    ...Object.entries(checks).map(([check, { ok, detail }]): Finding => ({ check, status: ok ? 'ok' : 'fail', detail })),
  ];
}

const isNew = (config: Config): boolean =>
  !config.DATABASE_URL && !config.POSTGRES_HOST && !config.HIVE_DATA_DIR.startsWith('memory:') && !existsSync(config.HIVE_DATA_DIR);

function explainOrThrow(error: unknown): string {
  const message = explain(error);
  if (message === null) throw error;
  return message;
}
