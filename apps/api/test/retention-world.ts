import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SealingService, Signer, signerOf } from '@agent-hive/audit';
import { runAs, type Principal } from '@agent-hive/kernel';
import { principal, testApp, type TestApp } from '@agent-hive/kernel/testing';
import { readConfig } from '../src/config/config.js';
import { domains, modules, subscribers } from '../src/domains.js';
import { ADMIN_KEY } from './world.js';

const made: string[] = [];

/** A directory for archives. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hive-archives-'));
  made.push(directory);
  return directory;
}

/** Removes what newDirectory() made. */
export function removeDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** Every domain over a database of its own, with an archive directory of its own. */
export const retentionApp = (env: Record<string, string>): Promise<TestApp> =>
  testApp({ domains, modules: modules(readConfig({ HIVE_DATA_DIR: 'memory://', ...env }).config, ADMIN_KEY, signerOf(Signer.make())), subscribers: subscribers() });

export interface Counts {
  table: string;
  due: number;
  held: number;
  archived: number;
  deleted: number;
  droppedMonths: string[];
}

export interface Run {
  id: string;
  state: string;
  error: string | null;
  expiredArchives: number;
  stores: Counts[];
}

/** What tests of retention do with a tenant of their own. */
export class Tenant {
  readonly me: Principal = principal();
  constructor(readonly hive: TestApp) {}

  get = <T>(path: string) => this.hive.get<T>(path, { as: this.me });
  post = <T>(path: string, body?: unknown) => this.hive.post<T>(path, body, { as: this.me });
  put = <T>(path: string, body?: unknown) => this.hive.put<T>(path, body, { as: this.me });
  made = async (path: string, body: object): Promise<{ id: string }> => {
    const answer = await this.post<{ id: string }>(path, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  run = async (dryRun = false): Promise<Run> => (await this.post<Run>('/v1/retention-runs', { dryRun })).body;
  rows = <T extends object>(statement: string) => this.hive.database.execute<T>(this.hive.orm, statement.replaceAll('TENANT', this.me.tenantId));
  count = async (table: string) => Number((await this.rows<{ n: string }>(`select count(*) as n from ${table} where tenant_id = 'TENANT'`))[0]!.n);

  /** Seals what the tenant's record has. */
  seal = async (): Promise<void> => void (await runAs(this.hive.orm.em, this.me, () => this.hive.app.get(SealingService, { strict: false }).seal()));

  /** What a verification of the whole log says. */
  verify = async () => (await this.post<{ ok: boolean; breaches: object[]; archived: number; erased: number }>('/v1/audit/verifications', {})).body;

  /** Makes months for the past, and in the session one message for each number of days ago. */
  async messages(sessionId: string, daysAgo: readonly number[], content = 'said long ago'): Promise<void> {
    await this.rows(`select kernel.ensure_months('communication.message', now() - interval '18 months', 18)`);
    await this.rows(`insert into communication.message (tenant_id, id, session_id, sequence, role, message_type, content, size_bytes, content_digest, created_at, updated_at)
      select 'TENANT', ${pastId('n.days')}, '${sessionId}', n.i, 'user', 'text', '${content} ' || n.i, 10, repeat('a', 64), now() - make_interval(days => n.days), now()
        from unnest(array[${daysAgo.join(', ')}]) with ordinality n(days, i)`);
    await this.rows(`update agents.session set last_sequence = ${daysAgo.length} where tenant_id = 'TENANT' and id = '${sessionId}'`);
  }
}

/** SQL of an id that was minted so many days ago, another one each time. */
export const pastId = (days: string): string =>
  `(left(kernel.id_floor(now() - make_interval(days => ${days}::int))::text, 19) || substr(gen_random_uuid()::text, 20))::uuid`;
