import { describeUrl, explain, reaching } from '@agent-hive/api';
import { Database, sqlState } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Finding } from './doctor-checks.js';

/** Beyond this much of the log that is not replayed, lists and searches are of another time. */
const LAG_MAX_BYTES = 64 * 1024 * 1024;

type Outcome = Pick<Finding, 'status' | 'detail'>;

/** Each read replica: whether it answers, whether it follows a primary, and how far it is behind this one. */
export async function checkReplicas(primary: Database, orm: MikroORM): Promise<Finding[]> {
  const { settings } = primary;
  if (settings.engine === 'embedded' || !settings.replicaUrls?.length) return [];
  // A server in recovery has no position of its own to write at.
  const [at] = await primary.execute<{ lsn: string | null }>(orm, `select case when not pg_is_in_recovery() then pg_current_wal_lsn()::text end as lsn`);
  const findings: Finding[] = [];
  for (const [i, url] of settings.replicaUrls.entries()) {
    const replica = await Database.open({ engine: 'server', url, poolMin: 0, poolMax: 1, prepareStatements: settings.prepareStatements, connectTimeoutMs: settings.connectTimeoutMs });
    try {
      const { status, detail } = await reaching('DATABASE_REPLICA_URLS', url, () => lagOf(replica, at!.lsn));
      findings.push({ check: `replica ${i + 1}`, status, detail: `${describeUrl(url)} ${detail}` });
    } catch (error) {
      findings.push({ check: `replica ${i + 1}`, status: 'fail', detail: reasonOf(error, url) });
    } finally {
      await replica.close();
    }
  }
  return findings;
}

async function lagOf(replica: Database, primaryLsn: string | null): Promise<Outcome> {
  const orm = await replica.orm({ entities: [], login: 'app' });
  await replica.verifyVersion(orm);
  const behindBytes = primaryLsn === null ? 'null' : `greatest(pg_wal_lsn_diff('${primaryLsn}', pg_last_wal_replay_lsn()), 0)`;
  const [row] = await replica.execute<{ following: boolean; behind: string | null }>(orm, `select pg_is_in_recovery() as following, (${behindBytes})::text as behind`);
  const { following, behind } = row!;
  if (!following) return { status: 'warn', detail: 'follows no primary: lists and searches show what was written there, and nothing of here unless something else copies it' };
  if (behind === null) return { status: 'warn', detail: 'follows; how far it is behind cannot be told' };
  const detail = `follows, ${behind} bytes of the log behind`;
  return Number(behind) > LAG_MAX_BYTES ? { status: 'warn', detail: `${detail}: lists and searches are old` } : { status: 'ok', detail };
}

function reasonOf(error: unknown, url: string): string {
  const known = explain(error) ?? (sqlState(error) && `${describeUrl(url)} refused: ${(error as Error).message}`);
  if (!known) throw error;
  return known;
}
