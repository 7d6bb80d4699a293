import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testEngine, testDatabase } from '@agent-hive/kernel/testing';
import { domains } from '../src/domains.js';
import { readConfig } from '../src/config/config.js';
import { openHive, type Hive } from '../src/server/hive.js';
import { createLogger } from '../src/server/logger.js';
import { startHive, type RunningHive } from '../src/server/start.js';

/** Administers every hive of these tests. */
export const ADMIN_KEY = 'an-admin-key-of-the-tests-0123456789';

export interface TestHive extends RunningHive {
  said: string[];
  /** Url of the server database as its superuser; null on the embedded engine. */
  databaseUrl: string | null;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A hive as `hive start` makes it, in this process, over a database of its own. */
export async function testHive(env: Record<string, string> = {}): Promise<TestHive> {
  const said: string[] = [];
  const io = { out: (line: string) => void said.push(line), err: (line: string) => void said.push(line) };
  const db = testEngine() === 'server' ? await testDatabase(domains) : null;
  const where: Record<string, string> = db ? { DATABASE_URL: db.url!, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0' } : { HIVE_DATA_DIR: 'memory://' };
  const hive = await startHive({ PORT: '0', LOG_LEVEL: 'silent', HIVE_ADMIN_KEY: ADMIN_KEY, HIVE_ENCRYPTION_KEY: '11'.repeat(32), ...where, ...env }, io);
  const authorization = `Bearer ${ADMIN_KEY}`;
  return {
    ...hive,
    said,
    databaseUrl: db?.url ?? null,
    get: (path, headers = {}) => fetch(hive.url + path, { headers: { authorization, ...headers } }),
    post: (path, body, headers = {}) => fetch(hive.url + path, { method: 'POST', body: JSON.stringify(body), headers: { authorization, 'content-type': 'application/json', ...headers } }),
    stop: async () => {
      await hive.stop();
      await db?.close();
    },
  };
}

export const root = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** A hive whose database can be looked into, listening on a port of its own. */
export interface OpenTestHive extends Hive {
  url: string;
}

/** A hive as the server opens it, over a database of its own, without banner and jobs. */
export async function openTestHive(): Promise<OpenTestHive> {
  const db = testEngine() === 'server' ? await testDatabase(domains) : null;
  const where: Record<string, string> = db ? { DATABASE_URL: db.url!, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0' } : { HIVE_DATA_DIR: 'memory://' };
  const archives = mkdtempSync(join(tmpdir(), 'hive-archives-'));
  const { config } = readConfig({ LOG_LEVEL: 'silent', HIVE_ADMIN_KEY: ADMIN_KEY, HIVE_WEBHOOK_ALLOWED_NETWORKS: 'loopback', HIVE_ARCHIVE_DIR: archives, HIVE_ENCRYPTION_KEY: '11'.repeat(32), ...where });
  const hive = await openHive(config, { out: () => undefined, err: () => undefined }, createLogger(config));
  await hive.app.listen(0, '127.0.0.1');
  const close = async () => {
    await hive.close();
    await db?.close();
    rmSync(archives, { recursive: true, force: true });
  };
  return { ...hive, url: await hive.app.getUrl(), close };
}
