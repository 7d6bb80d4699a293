import { migrate } from '@agent-hive/kernel';
import { testDatabase, type TestDatabase } from '@agent-hive/kernel/testing';
import pg from 'pg';
import { domains } from '../src/domains.js';
import { Readiness } from '../src/health/readiness.js';
import { Drain } from '../src/server/drain.js';

const NEXT_MONTH = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1)).toISOString().slice(0, 7).replace('-', '');

/** A server loses the database; the embedded engine ends. */
async function takeAway(db: TestDatabase): Promise<void> {
  if (!db.url) return db.database.close();
  const client = new pg.Client({ connectionString: process.env.HIVE_TEST_DATABASE_URL });
  await client.connect();
  await client.query(`drop database ${new URL(db.url).pathname.slice(1)} with (force)`);
  await client.end();
}

describe('readiness [S5.69]', () => {
  let db: TestDatabase;
  let drain: Drain;
  let readiness: Readiness;
  beforeEach(async () => {
    db = await testDatabase(domains);
    drain = new Drain();
    readiness = new Readiness(db.database, db.orm, drain);
  });
  afterEach(() => db.close());

  const failing = async () => {
    const { ready, checks } = await readiness.check();
    const broken = Object.entries(checks).filter(([, check]) => !(check as { ok: boolean }).ok);
    expect(ready).toBe(broken.length === 0);
    return Object.fromEntries(broken.map(([name, check]) => [name, (check as { detail: string }).detail]));
  };

  it('is there when the database answers, migrated, with a month ahead', async () => {
    expect(await failing()).toEqual({});
  });

  it('is not there while a migration is pending, which it names', async () => {
    const last = domains.at(-1)!;
    await migrate(db.database, domains, { direction: 'down', steps: 1 });
    expect(await failing()).toEqual({ migrations: `pending: ${last.name}/${last.migrations.at(-1)!.name}` });
  });

  it('is not there when the next month has no partition, which it names', async () => {
    await db.database.execute(db.orm, `drop table audit.entry_${NEXT_MONTH}`);
    expect(await failing()).toEqual({ partitions: `missing: audit.entry_${NEXT_MONTH}` });
  });

  it('is not there without the database', async () => {
    await takeAway(db);
    expect(await failing()).toMatchObject({ database: expect.any(String), migrations: 'not known without the database', partitions: 'not known without the database' });
  });

  it('is not there while the process shuts down', async () => {
    drain.begin();
    expect(await failing()).toEqual({ serving: 'shutting down, 0 requests in flight' });
  });
});
