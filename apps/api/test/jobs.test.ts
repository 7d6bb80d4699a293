import { testApp, type TestApp } from '@agent-hive/kernel/testing';
import { TenantsService } from '@agent-hive/identity';
import { runAs, servicePrincipal, tenantSql, newId } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import pino from 'pino';
import { readConfig } from '../src/config/config.js';
import { domains, modules } from '../src/domains.js';
import { holderOf, Scheduler, type Job } from '../src/jobs/jobs.js';
import { maintenance } from '../src/jobs/maintenance.js';
import { jobs } from '../src/jobs/registry.js';
import { forTenants } from '../src/jobs/tenants.js';
import { applyRetention } from '../src/jobs/retention.js';
import { tablesInNeed, vacuum } from '../src/jobs/vacuum.js';

describe('background jobs', () => {
  let db: TestApp;
  beforeAll(async () => {
    db = await testApp({ domains, modules: modules(readConfig({}).config, 'an-admin-key-of-the-tests-0123456789'), realAuthentication: true });
  });
  afterAll(() => db.close());

  const get = <T>(service: abstract new (...args: never[]) => T): T => db.app.get(service, { strict: false });
  const scheduler = (holder: string) => new Scheduler({ database: db.database, orm: db.orm, get }, pino({ level: 'silent' }), holder);
  const counting = (overrides: Partial<Job> = {}): Job & { runs: number } => ({
    name: `test-${newId()}`,
    everySeconds: 60,
    runs: 0,
    async run() {
      this.runs++;
    },
    ...overrides,
  });

  it('run in one process at a time, and again in the same one', async () => {
    const [one, two, job] = [scheduler('one'), scheduler('two'), counting()];
    expect([await one.turn(job), await two.turn(job), await one.turn(job)]).toEqual([true, false, true]);
    expect(job.runs).toBe(2);
    await Promise.all([one.stop(), two.stop()]);
  });

  it('pass to another process when theirs stops', async () => {
    const [one, two, job] = [scheduler('one'), scheduler('two'), counting()];
    await one.turn(job);
    await one.stop();
    expect(await two.turn(job)).toBe(true);
    await two.stop();
  });

  it('pass to another process when they fail', async () => {
    const [one, two, job] = [scheduler('one'), scheduler('two'), counting({ run: () => Promise.reject(new Error('broken')) })];
    expect([await one.turn(job), await two.turn(job)]).toEqual([true, true]);
    await Promise.all([one.stop(), two.stop()]);
  });

  it('are taken over at once by the successor of a killed embedded hive', async () => {
    const [killed, successor, job] = [scheduler('embedded'), scheduler('embedded'), counting()];
    expect([await killed.turn(job), await successor.turn(job)]).toEqual([true, true]);
    await successor.stop();
  });

  it('have one holder on the embedded engine, and one for each process on a server', () => {
    const distinct = new Set([holderOf(db.database), holderOf(db.database)]).size;
    expect(distinct).toBe(db.database.engine === 'embedded' ? 1 : 2);
  });

  it('do the work of each tenant, whatever fails for another, and say what failed', async () => {
    const tenants = [newId(), newId(), newId()];
    const done: string[] = [];
    const context = { database: db.database, orm: db.orm, get, signal: new AbortController().signal };
    const work = async (tenantId: string) => {
      if (tenantId !== tenants[1]) throw new Error(`broken for ${tenantId}`);
      done.push(tenantId);
    };
    await expect(forTenants(context, 'test', tenants, work)).rejects.toThrow(`Job test failed 2 times: broken for ${tenants[0]}; broken for ${tenants[2]}`);
    expect(done).toEqual([tenants[1]]);
  });

  it('hear of the end, and are waited for', async () => {
    const one = scheduler('one');
    let ended = false;
    const job = counting({
      run: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => setTimeout(() => resolve(void (ended = true)), 20));
        }),
    });
    const turn = one.turn(job);
    one.start([]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([one.stop(), turn]);
    expect(ended).toBe(true);
  });

  it('keep months ahead and forget expired answers, however often they run', async () => {
    const { tenantId } = await get(TenantsService).ensureDefault();
    const em = db.orm.em;
    const asTenant = (statement: RawBuilder<unknown>) => runAs(em, servicePrincipal(tenantId, 'test'), async () => (await tenantSql(em, (tx) => statement.execute(tx))).rows);
    const remember = (key: string, hours: number) =>
      asTenant(sql`insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, created_at, expires_at)
                   values (${tenantId}::uuid, 'p', 'r', ${key}::text, 'h', 201, now(), now() + make_interval(hours => ${hours}::int))`);
    await remember('old', -1);
    await remember('young', 1);
    await db.database.execute(db.orm, `do $$ declare child text; begin
      for child in select inhrelid::regclass::text from pg_inherits where inhparent = 'audit.entry'::regclass order by 1 desc limit 2 loop execute 'drop table ' || child; end loop; end $$`);
    const months = () => db.database.execute<{ child: string }>(db.orm, `select inhrelid::regclass::text as child from pg_inherits where inhparent = 'audit.entry'::regclass`);
    const context = { database: db.database, orm: db.orm, get, signal: new AbortController().signal };
    for (let run = 0; run < 2; run++) {
      await maintenance.run(context);
      expect(await months()).toHaveLength(4);
      expect(await asTenant(sql`select key from kernel.idempotency_key where tenant_id = ${tenantId}::uuid`)).toEqual([{ key: 'young' }]);
    }
  });

  it('are content with the retention run that somebody else has started', async () => {
    const { tenantId } = await get(TenantsService).ensureDefault();
    const [running] = await db.database.execute<{ id: string }>(db.orm, `insert into audit.retention_run (tenant_id, id, is_dry_run, state, started_at, lease_expires_at, stores, expired_archives)
      values ('${tenantId}', '${newId()}', false, 'running', now(), now() + interval '5 minutes', '[]', 0) returning id`);
    await applyRetention.run({ database: db.database, orm: db.orm, get, signal: new AbortController().signal });
    expect(await db.database.execute(db.orm, `select id, state from audit.retention_run where tenant_id = '${tenantId}'`)).toEqual([{ ...running, state: 'running' }]);
  });

  it('vacuum and analyze tables that grew, which the embedded engine does not do by itself', async () => {
    const flushed = (statement: string) => db.database.execute(db.orm, `do $$ begin ${statement}; perform pg_stat_force_next_flush(); end $$`);
    const tables = () => tablesInNeed(db.database, db.orm);
    const context = { database: db.database, orm: db.orm, get, signal: new AbortController().signal };
    await flushed(`insert into identity.role (tenant_id, name, scopes, created_at, updated_at) select gen_random_uuid(), 'r' || n, '[]', now(), now() from generate_series(1, 3000) n`);
    // The counters move when the session falls idle, shortly after.
    for (const end = Date.now() + 10_000; !(await tables()).includes('identity.role') && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await tables()).toContain('identity.role');
    await vacuum.run(context);
    expect(await tables()).not.toContain('identity.role');
    const [table] = await db.database.execute<{ rows: number; seen: number }>(db.orm, `select reltuples::int as rows, relallvisible as seen from pg_class where oid = 'identity.role'::regclass`);
    expect(table!.rows).toBeGreaterThanOrEqual(3000);
    expect(table!.seen).toBeGreaterThan(0);
  });

  it('vacuum where no server does', () => {
    const names = (env: Record<string, string>) => jobs(readConfig(env).config).map((job) => job.name);
    expect(names({})).toContain('vacuum');
    expect(names({ DATABASE_URL: 'postgres://hive@127.0.0.1/hive' })).not.toContain('vacuum');
  });
});
