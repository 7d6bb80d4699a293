import { newId, runAs, tenantSql, Wakeups } from '@agent-hive/kernel';
import { principal } from '@agent-hive/kernel/testing';
import { sql } from 'kysely';
import { insertEntries, SealingService } from '../src/index.js';
import { isConsistent, isIncluded } from '../src/sealing/merkle.js';
import type { InclusionDto } from '../src/sealing/proof.dto.js';
import { hashOfLeaf, isSignedBy, payloadHash, publicKeyOf } from '../src/sealing/seal-format.js';
import type { CheckpointDto, ConsistencyDto } from '../src/sealing/sealing.dto.js';
import { sealedTopic } from '../src/sealing/sealing.service.js';
import { sealWorld, type SealWorld } from './seal-world.js';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('the sealed record', () => {
  let world: SealWorld;
  beforeAll(async () => {
    world = await sealWorld();
  });
  afterAll(() => world.hive.close());

  const checkpoints = async (me: Parameters<SealWorld['seal']>[0]) => (await world.hive.get<{ items: CheckpointDto[]; nextCursor: string | null }>('/v1/audit/checkpoints?limit=100', { as: me })).body.items;

  it('gives each entry the next sequence, in the order of ids, and signs the root of each batch', async () => {
    const { me, ids } = await world.sealed(70, 30);
    const leaves = await world.hive.database.execute<{ sequence: string; entry_id: string }>(world.hive.orm, `select sequence, entry_id from audit.leaf where tenant_id = '${me.tenantId}' order by sequence`);
    expect(leaves.map((leaf) => [Number(leaf.sequence), leaf.entry_id])).toEqual(ids.map((id, i) => [i + 1, id]));
    const signed = await checkpoints(me);
    expect(signed.map((checkpoint) => checkpoint.size)).toEqual([70, 60, 30]);
    for (const { publicKey, signature, ...facts } of signed) expect(isSignedBy(publicKeyOf(bytes(publicKey!)), facts, bytes(signature))).toBe(true);
    expect(await world.verify(me)).toMatchObject({ ok: true, tenant: me.tenantId, from: 1, size: 70, leaves: 70, checkpoints: 3, breaches: [], root: signed[0]!.root });
    expect(await world.seal(me)).toBe(0);
    expect((await world.hive.get('/v1/audit/checkpoints/latest', { as: me })).body).toEqual(signed[0]);
  });

  it('proves an entry by what anyone can hash again', async () => {
    const { me, ids } = await world.sealed(37, 10);
    for (const [i, id] of ids.entries()) {
      const { body } = await world.hive.get<{ proof: InclusionDto }>(`/v1/audit/entries/${id}?proof=true`, { as: me });
      const { leaf, path, checkpoint } = body.proof;
      expect([leaf.sequence, payloadHash(bytes(leaf.salt!), leaf.payload!).toString('hex')]).toEqual([i + 1, leaf.payloadHash]);
      const hashed = hashOfLeaf({ tenant: me.tenantId, ...leaf });
      expect(hashed.toString('hex')).toBe(leaf.leafHash);
      expect(isIncluded({ index: i, size: checkpoint.size, leaf: hashed, path: path.map(bytes), root: bytes(checkpoint.root) })).toBe(true);
    }
  });

  it('hashes in the database the bytes that JSON.stringify writes, whatever an entry says', async () => {
    const me = principal();
    const texts = ['["', '"]', '[]', ']', 'null', 'a"b\\c', '\u0001\t\n\u007f\u2028', 'naïve 漢 👻', "it's", '[null]'];
    const entries = texts.map((text, i) => ({ action: `a.${text}`, subjectType: text, subjectId: text, risk: i % 2 === 0 ? ('high' as const) : undefined, details: { text } }));
    await runAs(world.hive.orm.em, me, () => tenantSql(world.hive.orm.em, (db) => insertEntries(entries).execute(db)));
    await world.seal(me);
    const rows = await world.hive.database.execute<{ id: string }>(world.hive.orm, `select id from audit.entry where tenant_id = '${me.tenantId}' order by id`);
    expect(rows).toHaveLength(texts.length);
    for (const { id } of rows) {
      const { leaf } = (await world.hive.get<{ proof: InclusionDto }>(`/v1/audit/entries/${id}?proof=true`, { as: me })).body.proof;
      expect(hashOfLeaf({ tenant: me.tenantId, ...leaf }).toString('hex')).toBe(leaf.leafHash);
    }
    expect(await world.verify(me)).toMatchObject({ ok: true, leaves: texts.length });
  });

  it('proves for each two sizes, checkpoint or not, that the log only grew', async () => {
    const { me } = await world.sealed(33, 7);
    const roots = new Map((await checkpoints(me)).map(({ size, root }) => [size, root]));
    for (const [from, to] of [[1, 33], [7, 28], [16, 32], [16, 33], [20, 21], [33, 33], [1, 2]] as const) {
      const { body } = await world.hive.get<ConsistencyDto>(`/v1/audit/consistency?from=${from}&to=${to}`, { as: me });
      expect(isConsistent({ from, to, fromRoot: bytes(body.fromRoot), toRoot: bytes(body.toRoot), path: body.path.map(bytes) })).toBe(true);
      for (const [size, root] of [[from, body.fromRoot], [to, body.toRoot]] as const) if (roots.has(size)) expect(root).toBe(roots.get(size));
    }
  });

  it.each([['from=2&to=1', '/from'], ['from=1&to=4', '/to'], ['from=0&to=1', '/from'], ['from=1', '/to'], ['from=x&to=1', '/from']])('refuses the consistency of %s', async (query, pointer) => {
    const { me } = await world.sealed(3);
    const answer = await world.hive.get<{ errors: { pointer: string }[] }>(`/v1/audit/consistency?${query}`, { as: me });
    expect([answer.status, answer.body.errors.map((error) => error.pointer)]).toEqual([422, expect.arrayContaining([pointer])]);
  });

  it('answers of a log that is empty, and to a tenant that asks for the entry of another, as of nothing', async () => {
    const stranger = principal();
    const { ids } = await world.sealed(2);
    expect((await world.hive.get('/v1/audit/checkpoints/latest', { as: stranger })).status).toBe(404);
    expect((await world.hive.get('/v1/audit/export', { as: stranger })).status).toBe(404);
    expect((await world.hive.get(`/v1/audit/entries/${ids[0]}?proof=true`, { as: stranger })).status).toBe(404);
    expect((await world.hive.get('/v1/audit/checkpoints', { as: stranger })).body).toEqual({ items: [], nextCursor: null });
    expect(await world.verify(stranger)).toMatchObject({ ok: true, size: 0, leaves: 0, root: null });
  });

  it('pages checkpoints, the latest first', async () => {
    const { me } = await world.sealed(5, 1);
    const first = (await world.hive.get<{ items: CheckpointDto[]; nextCursor: string }>('/v1/audit/checkpoints?limit=3&total=true', { as: me })).body;
    const second = (await world.hive.get<{ items: CheckpointDto[] }>(`/v1/audit/checkpoints?limit=3&cursor=${first.nextCursor}`, { as: me })).body;
    expect([...first.items, ...second.items].map(({ size }) => size)).toEqual([5, 4, 3, 2, 1]);
    expect(first).toMatchObject({ total: 5 });
    expect((await world.hive.get(`/v1/audit/checkpoints?cursor=${Buffer.from('["x"]').toString('base64url')}`, { as: me })).status).toBe(422);
  });

  it('says that an entry is not sealed yet', async () => {
    const me = principal();
    const [id] = await world.fill(me, 1);
    expect((await world.hive.get(`/v1/audit/entries/${id}?proof=true`, { as: me })).body).toMatchObject({ id, proof: null });
    expect((await world.hive.get(`/v1/audit/entries/${id}`, { as: me })).body).not.toHaveProperty('proof');
  });

  it('finds an entry whose id is ahead of the clock, and one that is older than any window', async () => {
    const { me } = await world.sealed(1);
    const copy = (id: string) => world.asSuperuser(`insert into audit.entry select tenant_id, '${id}'::uuid, occurred_at, actor_type, actor_id, actor_name, action, subject_type, subject_id from audit.entry where tenant_id = '${me.tenantId}' limit 1`);
    await copy(idAt(Date.now() + 60_000));
    expect(await world.seal(me)).toBe(1);
    await copy(idAt(Date.now() - 5_000));
    let turns = 0;
    while ((await world.seal(me)) === 0) turns++;
    expect(turns).toBeLessThan(8);
    expect(await world.verify(me)).toMatchObject({ ok: true, size: 3 });
  });

  it('looks as far back as its turns are apart, when they come late', async () => {
    const me = principal();
    const { now } = Date;
    const at = (ms: number) => {
      Date.now = () => ms;
    };
    try {
      const start = now();
      at(start);
      await world.fill(me, 1);
      expect(await world.seal(me)).toBe(1); // the first turn, which looks at everything
      at(start + 3_000);
      await world.fill(me, 1);
      at(start + 10_000); // an entry of 7 s, in a turn of 10 s
      expect(await world.seal(me)).toBe(1);
    } finally {
      Date.now = now;
    }
    expect(await world.verify(me)).toMatchObject({ ok: true, size: 2 });
  });

  it('keeps what it has sealed from the application: it adds, and changes nothing', async () => {
    const { me } = await world.sealed(1);
    const em = world.hive.orm.em;
    for (const table of ['leaf', 'node', 'checkpoint', 'signing_key']) {
      for (const statement of [`delete from audit.${table}`, `truncate audit.${table}`]) {
        await expect(runAs(em, me, () => tenantSql(em, (db) => sql.raw(statement).execute(db)))).rejects.toThrow(/permission denied/);
      }
    }
    await expect(runAs(em, me, () => tenantSql(em, (db) => sql`update audit.leaf set salt = null`.execute(db)))).rejects.toThrow(/permission denied/);
  });

  it('writes nothing when a turn fails before its end, and the next one takes the same entries', async () => {
    const me = principal();
    await world.fill(me, 5);
    await world.asSuperuser(`alter table audit.checkpoint add constraint broken check (size <> 5) not valid`);
    await expect(world.seal(me)).rejects.toThrow(/broken/);
    await world.asSuperuser(`alter table audit.checkpoint drop constraint broken`);
    expect(await world.hive.database.execute(world.hive.orm, `select 1 from audit.leaf where tenant_id = '${me.tenantId}'`)).toEqual([]);
    expect(await world.seal(me)).toBe(5);
    expect(await world.verify(me)).toMatchObject({ ok: true, size: 5 });
  });

  it('signs nothing on top of a log that lost what this process has signed', async () => {
    const { me } = await world.sealed(4, 2);
    await world.fill(me, 1);
    await world.asSuperuser(`delete from audit.checkpoint where tenant_id = '${me.tenantId}' and size = 4`);
    await world.asSuperuser(`delete from audit.leaf where tenant_id = '${me.tenantId}' and sequence > 2`);
    await expect(world.seal(me)).rejects.toMatchObject({ code: 'log-changed' });
  });

  it('wakes who waits for sealed entries', async () => {
    const { me } = await world.sealed(1);
    await world.fill(me, 1);
    let isWoken = false;
    const waiting = world.hive.app.get(Wakeups).wait(sealedTopic(me.tenantId), 60_000).then(() => {
      isWoken = true;
    });
    expect(await world.seal(me)).toBe(1);
    await new Promise(setImmediate);
    expect(isWoken).toBe(true); // by itself a waiter looks again only after 500 ms
    await waiting;
  });

  it('tells which tenants it seals', async () => {
    const { me } = await world.sealed(1);
    expect(world.hive.app.get(SealingService).tenants()).toContain(me.tenantId);
    expect(world.hive.app.get(SealingService).tenants()).not.toContain(newId());
  });
});

const idAt = (ms: number): string => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
};
