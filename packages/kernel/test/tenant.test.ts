import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterCommit, currentContext, currentTenantId, kernelDomain, newId, runAs, keepLease, takeLease, releaseLease, oneTransaction, tenantRead, tenantSql, tenantStatement, transactional } from '../src/index.js';
import { sessionStatements } from '../src/engine/session.js';
import { IdempotencyKey } from '../src/idempotency.entity.js';
import { principal, testDatabase, testEngine, type TestDatabase } from '../src/testing/index.js';

describe('tenants in the database', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain]);
  });
  afterAll(() => db.close());

  const a = principal();
  const b = principal();
  const as = <T>(who: typeof a, work: () => Promise<T>): Promise<T> => runAs(db.orm.em, who, work);
  const write = (key: string) =>
    transactional(db.orm.em, async (em) => {
      em.create(IdempotencyKey, { principal: 'p', route: 'r', key, requestHash: 'h', status: 201, expiresAt: new Date() });
      await em.flush();
    });
  const keys = () => tenantRead(db.orm.em, async (q) => (await sql<{ key: string }>`select key from kernel.idempotency_key order by key`.execute(q)).rows.map((r) => r.key));

  it('show a tenant its own rows only, even to a query without a condition [S4.96, S1.95, S4.134]', async () => {
    await as(a, () => write('of a'));
    await as(b, () => write('of b'));
    expect(await as(a, keys)).toEqual(['of a']);
    expect(await as(b, keys)).toEqual(['of b']);
    expect(await as(a, () => db.orm.em.find(IdempotencyKey, {}))).toMatchObject([{ key: 'of a' }]);
  });

  it('refuse a row written for another tenant', async () => {
    const foreign = sql`insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, created_at, expires_at)
                        values (${b.tenantId}, 'p', 'r', 'smuggled', 'h', 201, now(), now())`;
    await expect(as(a, () => tenantSql(db.orm.em, (q) => foreign.execute(q)))).rejects.toThrow(/row-level security/);
    expect(await as(b, keys)).toEqual(['of b']);
  });

  it('give nothing at all without a tenant', async () => {
    await expect(keys()).rejects.toThrow('No tenant context');
    await expect(db.orm.em.find(IdempotencyKey, {})).rejects.toThrow();
    await as(principal(), () => write('of somebody'));
    const connection = db.orm.em.getConnection();
    const tx = await connection.begin({ sessionContext: { role: 'hive_app' } });
    expect(await connection.execute('select count(*)::int as count from kernel.idempotency_key', [], 'all', tx)).toEqual([{ count: 0 }]);
    await connection.rollback(tx);
    const [mine] = await db.database.execute<{ count: number }>(db.orm, 'select count(*)::int as count from kernel.idempotency_key');
    expect(mine!.count).toBeGreaterThan(0);
  });

  it.each([`x'; drop table kernel.lease; --`, '', 'not-a-uuid', `${newId()}'`])('take only a UUID as tenant: %s', async (tenantId) => {
    expect(() => runAs(db.orm.em, principal({ tenantId }), async () => 1)).toThrow('must be a UUID');
    expect(() => sessionStatements({ variables: { 'app.tenant_id': tenantId } })).toThrow('must be a UUID');
    expect(() => sessionStatements({ role: 'hive_app; drop table x' })).toThrow('Not a role name');
    expect(() => sessionStatements({ variables: { 'other.setting': 1 } })).toThrow('Only app.tenant_id');
  });

  it('stay apart in parallel units of work', async () => {
    const people = Array.from({ length: 20 }, () => principal());
    const seen = await Promise.all(
      people.map((person) =>
        as(person, async () => {
          await write(person.tenantId);
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
          return [currentTenantId(), await keys()];
        }),
      ),
    );
    expect(seen).toEqual(people.map((p) => [p.tenantId, [p.tenantId]]));
    expect(currentContext()).toBeUndefined();
  });

  it('roll back everything of a unit of work that throws, SQL and identity map alike [S2.42, S2.63, S2.73, S5.79]', async () => {
    const who = principal();
    const failing = as(who, () =>
      transactional(db.orm.em, async (em) => {
        em.create(IdempotencyKey, { principal: 'p', route: 'r', key: 'by map', requestHash: 'h', status: 201, expiresAt: new Date() });
        await em.flush();
        await tenantSql(db.orm.em, (q) =>
          sql`insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, created_at, expires_at)
              values (${who.tenantId}, 'p', 'r', 'by sql', 'h', 201, now(), now())`.execute(q),
        );
        expect(await keys()).toEqual(['by map', 'by sql']);
        throw new Error('no');
      }),
    );
    await expect(failing).rejects.toThrow('no');
    expect(await as(who, keys)).toEqual([]);
  });

  it('do what waits for their commit after it, whichever way the transaction was opened, and forget it with a rollback', async () => {
    const ways: [string, (work: () => Promise<void>) => Promise<unknown>][] = [
      ['transactional', (work) => transactional(db.orm.em, work)],
      ['tenantSql', (work) => tenantSql(db.orm.em, work)],
      ['oneTransaction', (work) => oneTransaction(db.orm.em, work)],
      ['tenantSql inside of transactional', (work) => transactional(db.orm.em, () => tenantSql(db.orm.em, work))],
    ];
    for (const [way, open] of ways) {
      const seen: string[] = [];
      await as(a, async () => {
        await open(async () => {
          afterCommit(() => seen.push('after'));
          await pause(1);
          seen.push('inside');
        });
        afterCommit(() => seen.push('outside'));
        seen.push('end');
        await expect(open(async () => {
          afterCommit(() => seen.push('never'));
          throw new Error('undone');
        })).rejects.toThrow('undone');
      });
      expect([way, ...seen]).toEqual([way, 'inside', 'after', 'outside', 'end']);
    }
  });

  it('never run one transaction inside another, however many ask at once', async () => {
    const who = principal();
    const work = (n: number) =>
      as(who, () =>
        transactional(db.orm.em, async () => {
          await write(`n${n}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (n % 2) throw new Error('odd');
        }).catch(() => undefined), // the odd ones fail on purpose
      );
    await Promise.all(Array.from({ length: 10 }, (_, n) => work(n)));
    expect(await as(who, keys)).toEqual(['n0', 'n2', 'n4', 'n6', 'n8']);
  });

  it('fail everything of a transaction whose role cannot be set, and leave the connection usable', async () => {
    const context = () => {
      const found = currentContext()!;
      found.session.role = 'hive_nobody';
      return tenantSql(db.orm.em, (q) => sql`insert into kernel.lease (name, holder, token, expires_at) values ('stray', 'x', 1, now())`.execute(q));
    };
    await expect(as(a, context)).rejects.toThrow();
    expect(await db.database.execute(db.orm, `select * from kernel.lease where name = 'stray'`)).toEqual([]);
    expect(await as(a, keys)).toEqual(['of a']);
  });
});

describe('a transaction of one statement', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain], { poolMax: 1 });
    await db.database.execute(db.orm, 'create table kernel.deferred (id int unique deferrable initially deferred)');
    await db.database.execute(db.orm, 'grant all on kernel.deferred to hive_app');
  });
  afterAll(() => db.close());

  const who = principal();
  const as = <T>(work: () => Promise<T>): Promise<T> => runAs(db.orm.em, who, work);
  const insert = (key: string) => sql<{ key: string }>`
    insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, created_at, expires_at)
    values (${who.tenantId}, 'p', 'r', ${key}, 'h', 201, now(), now()) returning key`;
  const keys = () =>
    as(() => tenantStatement(db.orm.em, async (q) => (await sql<{ key: string }>`select key from kernel.idempotency_key order by key`.execute(q)).rows.map((r) => r.key)));

  it('is committed once answered, and leaves the connection to the next tenant', async () => {
    expect((await as(() => tenantStatement(db.orm.em, (q) => insert('one').execute(q)))).rows).toEqual([{ key: 'one' }]);
    expect(await keys()).toEqual(['one']);
    const other = await runAs(db.orm.em, principal(), () => tenantStatement(db.orm.em, (q) => sql`select * from kernel.idempotency_key`.execute(q)));
    expect(other.rows).toEqual([]);
    expect(await db.database.execute(db.orm, `select current_user = session_user as alone, nullif(current_setting('app.tenant_id', true), '') as tenant`)).toEqual([{ alone: true, tenant: null }]);
  });

  it('fails with its statement and keeps nothing', async () => {
    await expect(as(() => tenantStatement(db.orm.em, (q) => insert('').execute(q)))).rejects.toThrow('idempotency_key_key_check');
    await expect(as(() => tenantStatement(db.orm.em, (q) => insert('one').execute(q)))).rejects.toThrow('idempotency_key_pkey');
    expect(await keys()).toEqual(['one']);
  });

  it('tells of a commit that failed', async () => {
    const twice = () => as(() => tenantStatement(db.orm.em, (q) => sql`insert into kernel.deferred values (1), (1)`.execute(q)));
    await expect(twice()).rejects.toThrow('deferred_id_key');
    expect(await db.database.execute(db.orm, 'select * from kernel.deferred')).toEqual([]);
    expect(await keys()).toEqual(['one']);
  });

  it('joins the transaction that runs, and goes with it', async () => {
    const undone = as(() =>
      transactional(db.orm.em, async () => {
        await tenantStatement(db.orm.em, (q) => insert('two').execute(q));
        await tenantStatement(db.orm.em, (q) => insert('three').execute(q));
        throw new Error('no');
      }),
    );
    await expect(undone).rejects.toThrow('no');
    expect(await keys()).toEqual(['one']);
  });

  it('refuses a second statement, in turn or at once', async () => {
    const inTurn = () => as(() => tenantStatement(db.orm.em, async (q) => [await insert('in turn').execute(q), await insert('after').execute(q)]));
    await expect(inTurn()).rejects.toThrow('The transaction ended with the statement before this one');
    const atOnce = () => as(() => tenantStatement(db.orm.em, (q) => Promise.all([insert('at once').execute(q), insert('with it').execute(q)])));
    await expect(atOnce()).rejects.toThrow('The transaction ended with the statement before this one');
    expect(await keys()).not.toContain('after');
    expect(await keys()).not.toContain('with it');
  });
});

const onServer = testEngine() === 'server' ? describe : describe.skip;
onServer('a server that drops connections (only a server can: HIVE_TEST_DATABASE_URL)', () => {
  it('costs the unit of work that was on it and none after, and the pool stays whole [S2.27, S2.28, S2.76, S5.74]', async () => {
    const db = await testDatabase([kernelDomain], { poolMax: 2 });
    const who = principal();
    const drop = () => tenantSql(db.orm.em, (q) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(q));
    for (let i = 0; i < 5; i++) {
      await expect(runAs(db.orm.em, who, drop)).rejects.toThrow();
      await expect(runAs(db.orm.em, who, () => transactional(db.orm.em, drop))).rejects.toThrow();
      await expect(runAs(db.orm.em, who, () => tenantStatement(db.orm.em, (q) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(q)))).rejects.toThrow();
    }
    const alive = await Promise.all(Array.from({ length: 4 }, () => runAs(db.orm.em, who, () => tenantRead(db.orm.em, (q) => sql<{ one: number }>`select 1 as one`.execute(q)))));
    expect(alive.map((a) => a.rows[0]!.one)).toEqual([1, 1, 1, 1]);
    await db.close();
  });
});

describe('leases', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain]);
  });
  afterAll(() => db.close());

  it('are held by one at a time, extended by the holder, and taken over when they run out, with a higher token', async () => {
    const t0 = new Date();
    const later = new Date(t0.getTime() + 61_000);
    expect(await takeLease(db.orm.em, 'job', 'one', 60, t0)).toEqual({ name: 'job', holder: 'one', token: 1 });
    expect(await takeLease(db.orm.em, 'job', 'two', 60, t0)).toBeNull();
    expect(await takeLease(db.orm.em, 'job', 'one', 60, t0)).toMatchObject({ token: 1 });
    const taken = await takeLease(db.orm.em, 'job', 'two', 60, later);
    expect(taken).toMatchObject({ holder: 'two', token: 2 });
    await releaseLease(db.orm.em, { name: 'job', holder: 'one', token: 1 });
    expect(await takeLease(db.orm.em, 'job', 'one', 60, later)).toBeNull();
    await releaseLease(db.orm.em, taken!);
    expect(await takeLease(db.orm.em, 'job', 'one', 60, later)).not.toBeNull();
  });

  it('are kept for as long as the work of their holder goes on, and no longer', async () => {
    const { em } = db.orm;
    const lease = (await takeLease(em, 'long', 'one', 1))!;
    const letGo = keepLease(em, lease, 1);
    await pause(2_500);
    expect(await takeLease(em, 'long', 'two', 1)).toBeNull();
    await letGo();
    await pause(1_100);
    expect(await takeLease(em, 'long', 'two', 1)).toMatchObject({ holder: 'two', token: 2 });
  });

  it('go to exactly one of twenty that ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => takeLease(db.orm.em, 'race', `h${i}`, 60)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  });
});
