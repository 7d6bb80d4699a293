import { announced, connect, explain, openEngine, readConfig, type Config } from '@agent-hive/api';
import { DirectoryInUse } from '@agent-hive/kernel';
import { FAILED, OK, quiet, table, type Context } from './context.js';
import { absentDirectory, noDatabase } from './database.js';
import { checkConnection, checkSchema, type Finding } from './doctor-checks.js';
import { checkReplicas } from './doctor-replicas.js';

const PATIENCE_MS = 10_000;
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
  const absent = absentDirectory(config);
  if (absent !== null) return [...findings, { check: 'engine', status: 'warn', detail: noDatabase(absent) }];
  return [...findings, ...(await examineDatabase(context, config))];
}

async function examineDatabase({ io }: Context, config: Config): Promise<Finding[]> {
  try {
    const database = await openEngine(config, io);
    try {
      const orm = await connect(database);
      const findings = [...(await checkConnection(database, orm)), ...(await checkReplicas(database, orm))];
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
  const server = announced(config.HIVE_DATA_DIR, inUse.holder);
  if (!server) return [{ check: 'engine', status: 'warn', detail: inUse.message }];
  const checks = await readinessOf(server.url);
  if (typeof checks === 'string') return [{ check: 'engine', status: 'fail', detail: `held by the server at ${server.url} (process ${server.pid}), which does not answer: ${checks}` }];
  return [
    { check: 'engine', status: 'ok', detail: `held by the server at ${server.url} (process ${server.pid}); stop it for the checks of its catalogue` },
    ...Object.entries(checks).map(([check, { ok, detail }]): Finding => ({ check, status: ok ? 'ok' : 'fail', detail })),
  ];
}

/** What the server says of itself, or why it says nothing. */
async function readinessOf(url: string): Promise<Record<string, { ok: boolean; detail: string }> | string> {
  try {
    const answer = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(PATIENCE_MS) });
    return ((await answer.json()) as { checks: Record<string, { ok: boolean; detail: string }> }).checks;
  } catch (error) {
    const { cause, message } = error as Error;
    return cause instanceof Error ? cause.message : message;
  }
}

function explainOrThrow(error: unknown): string {
  const message = explain(error);
  if (message === null) throw error;
  return message;
}
