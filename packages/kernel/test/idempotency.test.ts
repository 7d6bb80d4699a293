import { sql } from 'kysely';
import { idempotently, InFlight, Invalid, kernelDomain, newId, Refused, runAs, tenantRead, tenantSql, tenantStatement, type Answer } from '../src/index.js';
import { principal, testDatabase, testEngine, type TestDatabase } from '../src/testing/index.js';

describe('work under an idempotency key', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain]);
    await db.database.execute(db.orm, 'create table kernel.work (name text unique deferrable initially deferred)');
    await db.database.execute(db.orm, 'grant all on kernel.work to hive_app');
  });
  afterAll(() => db.close());

  const who = principal();
  const as = <T>(work: () => Promise<T>): Promise<T> => runAs(db.orm.em, who, work);
  const request = (key: string, body: unknown = {}) => ({ principal: 'p', route: 'POST /v1/things', key, body });
  const insert = (name: string) => tenantStatement(db.orm.em, (q) => sql`insert into kernel.work values (${name})`.execute(q));
  /** Writes a row and answers with its name. */
  const make = (name: string) => async (): Promise<Answer> => {
    await insert(name);
    return { status: 201, body: { name } };
  };
  const once = (key: string, work: () => Promise<Answer>, shownOnce: string[] = []) => as(() => idempotently(db.orm.em, request(key), shownOnce, work));
  const made = async () => (await db.database.execute<{ name: string }>(db.orm, 'select name from kernel.work order by name')).map((row) => row.name);
  const expire = (key: string) => as(() => tenantSql(db.orm.em, (q) => sql`update kernel.idempotency_key set expires_at = now() - interval '1 s' where key = ${key}`.execute(q)));

  it('is done once, and answered as often as it is asked for', async () => {
    const key = newId();
    expect(await once(key, make(key))).toEqual({ status: 201, body: { name: key }, replayed: false });
    expect(await once(key, make('never'))).toEqual({ status: 201, body: { name: key }, replayed: true });
    expect(await made()).toEqual([key]);
  });

  it('is another for another tenant, principal, or route', async () => {
    const key = newId();
    await once(key, make('one'));
    expect(await runAs(db.orm.em, principal(), () => idempotently(db.orm.em, request(key), [], make('two')))).toMatchObject({ replayed: false });
    expect(await as(() => idempotently(db.orm.em, { ...request(key), principal: 'q' }, [], make('three')))).toMatchObject({ replayed: false });
    expect(await as(() => idempotently(db.orm.em, { ...request(key), route: 'POST /v1/others' }, [], make('four')))).toMatchObject({ replayed: false });
  });

  it('is refused with another body, however the members of the first were ordered', async () => {
    const key = newId();
    const ask = (body: unknown) => as(() => idempotently(db.orm.em, request(key, body), [], make(key)));
    await ask({ a: 1, b: [2] });
    expect(await ask({ b: [2], a: 1 })).toMatchObject({ replayed: true });
    await expect(ask({ a: 1, b: [3] })).rejects.toThrow(Invalid);
    for (const odd of ['', 'x'.repeat(201)]) await expect(once(odd, make(odd))).rejects.toThrow('1 to 200 characters');
  });

  it('keeps a secret from the stored answer, and nothing else from it', async () => {
    const key = newId();
    const work = async () => ({ status: 201, body: { id: 1, at: new Date(0), admin: { key: 'secret', id: 2 } } });
    expect(await once(key, work, ['admin.key'])).toMatchObject({ body: { admin: { key: 'secret' } } });
    expect(await once(key, work, ['admin.key'])).toEqual({ status: 201, body: { id: 1, at: '1970-01-01T00:00:00.000Z', admin: { key: null, id: 2 } }, replayed: true });
  });

  it('leaves no trace when it fails, in its work or in its commit, and may be repeated', async () => {
    const key = newId();
    const failing = async (): Promise<Answer> => {
      await insert('undone');
      throw new Refused('not now');
    };
    await expect(once(key, failing)).rejects.toThrow('not now');
    await as(() => insert('taken'));
    await expect(once(key, make('taken'))).rejects.toThrow('work_name_key');
    expect(await once(key, make(key))).toMatchObject({ replayed: false });
    expect(await made()).not.toContain('undone');
  });

  it('is new work when the stored answer has expired', async () => {
    const key = newId();
    await once(key, make(`${key} first`));
    await expire(key);
    expect(await once(key, make(`${key} second`))).toMatchObject({ replayed: false, body: { name: `${key} second` } });
    expect(await once(key, make('never'))).toMatchObject({ replayed: true, body: { name: `${key} second` } });
  });

  it('is done by one of twenty that ask at once, and the others get its answer', async () => {
    const key = newId();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => once(key, make(`${key} ${n}`))));
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect((await made()).filter((name) => name.startsWith(key))).toHaveLength(1);
  });

  const onServer = testEngine() === 'server' ? describe : describe.skip;
  onServer('beside another transaction (the embedded engine runs one at a time: HIVE_TEST_DATABASE_URL)', () => {
    /** Starts work that goes on until it is told to end. */
    const begun = async (key: string) => {
      let end!: (how: 'well' | 'badly') => void;
      const told = new Promise<'well' | 'badly'>((resolve) => (end = resolve));
      let started!: () => void;
      const running = new Promise<void>((resolve) => (started = resolve));
      const first = once(key, async () => {
        await insert(`${key} first`);
        started();
        if ((await told) === 'badly') throw new Refused('it broke');
        return { status: 201, body: { by: 'first' } };
      });
      await running;
      return { first, end };
    };

    it('waits two seconds for the first, then says that it is in flight', async () => {
      const key = newId();
      const { first, end } = await begun(key);
      const at = Date.now();
      await expect(once(key, make('never'))).rejects.toThrow(InFlight);
      expect(Date.now() - at).toBeGreaterThanOrEqual(1_950);
      end('well');
      await first;
      expect(await once(key, make('never'))).toMatchObject({ replayed: true, body: { by: 'first' } });
    });

    it('does the work itself when the first one failed, with the lock timeout that the server has', async () => {
      const key = newId();
      const { first, end } = await begun(key);
      const lockTimeout = () => tenantRead(db.orm.em, async (q) => (await sql<{ lock_timeout: string }>`show lock_timeout`.execute(q)).rows[0]!.lock_timeout);
      const usual = await as(lockTimeout);
      const second = once(key, async () => ({ status: 201, body: { lockTimeout: await lockTimeout() } }));
      setTimeout(() => end('badly'), 100);
      await expect(first).rejects.toThrow('it broke');
      expect(await second).toMatchObject({ replayed: false, body: { lockTimeout: usual } });
    });

    it.each(['refuses', 'is done'])('gets the first one\'s answer, should that come after the look: its own work %s', async (how) => {
      const key = newId();
      const answer = async (): Promise<Answer> => {
        // What a first that ends between the look and the lock leaves behind; nobody else could write it under the lock.
        await runAs(db.orm.em, who, () =>
          tenantSql(db.orm.em, (q) =>
            sql`insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, response, created_at, expires_at)
                select tenant_id, principal, route, ${key}, request_hash, 201, '{"by":"first"}', now(), now() + interval '1 hour' from kernel.idempotency_key where key = ${pattern}`.execute(q),
          ),
        );
        if (how === 'refuses') throw new Refused('taken');
        return make(key)();
      };
      const pattern = newId();
      await once(pattern, make(pattern));
      expect(await once(key, answer)).toEqual({ status: 201, body: { by: 'first' }, replayed: true });
      expect(await made()).not.toContain(key);
    });
  });
});
