import { createHash } from 'node:crypto';
import { newId, type Principal } from '@agent-hive/kernel';
import { Signer } from '../src/index.js';
import { checkpointHash, type CheckpointFacts } from '../src/sealing/seal-format.js';
import type { CheckpointDto } from '../src/sealing/sealing.dto.js';
import { sealWorld, type SealWorld } from './seal-world.js';

/** Each is what somebody with the superuser's password does to a sealed log of 40 entries, in batches of 10; the rows are named by sequence. */
const EDITS: Record<string, string> = {
  occurred_at: `occurred_at + interval '1 millisecond'`, actor_type: `'user'`, actor_id: 'gen_random_uuid()', actor_name: `'somebody else'`, action: `'file.read'`, subject_type: `'disk'`,
  subject_id: `'0'`, agent_id: 'gen_random_uuid()', session_id: 'gen_random_uuid()', risk: `'low'`, previous_state: `'{"a": 1.0}'`, new_state: `'{"a": 3}'`, details: 'null', request_id: `'other'`,
  ip: `'10.0.0.1/24'`, user_agent: `'other'`,
};

describe('tampering by a superuser', () => {
  let world: SealWorld;
  let me: Principal;
  let ids: string[];
  beforeAll(async () => {
    world = await sealWorld();
  });
  afterAll(() => world.hive.close());
  beforeEach(async () => {
    ({ me, ids } = await world.sealed(40, 10));
  });

  const harm = (statement: string) => world.asSuperuser(statement.replaceAll('$T', `'${me.tenantId}'`));
  const breaches = async (body?: object) => (await world.verify(me, body)).breaches;
  const latest = async () => (await world.hive.get<CheckpointDto>('/v1/audit/checkpoints/latest', { as: me })).body;
  const of = (sequence: number) => ({ sequence, entryId: ids[sequence - 1] });

  it('knows every column of an entry', async () => {
    const columns = await world.hive.database.execute<{ name: string }>(world.hive.orm, `select column_name as name from information_schema.columns where table_schema = 'audit' and table_name = 'entry' order by 1`);
    expect(columns.map(({ name }) => name)).toEqual([...Object.keys(EDITS), 'id', 'tenant_id'].sort());
  });

  it.each(Object.entries(EDITS))('finds an edit of %s', async (column, value) => {
    await harm(`update audit.entry set ${column} = ${value} where tenant_id = $T and id = '${ids[22]}'`);
    const report = await world.verify(me);
    expect([report.ok, report.tenant, report.breaches]).toEqual([false, me.tenantId, [{ kind: 'entry-edited', ...of(23), message: `entry ${ids[22]} is not what was sealed` }]]);
  });

  it('finds an entry whose id or tenant was changed: it is missing where it was [S4.141]', async () => {
    await harm(`update audit.entry set id = '${newId()}' where tenant_id = $T and id = '${ids[22]}'`);
    await harm(`update audit.entry set tenant_id = '${newId()}' where tenant_id = $T and id = '${ids[5]}'`);
    expect(await breaches()).toEqual([expect.objectContaining({ kind: 'entry-missing', ...of(6) }), expect.objectContaining({ kind: 'entry-missing', ...of(23) })]);
  });

  it('finds a deleted entry, and the deleted end of all entries', async () => {
    await harm(`delete from audit.entry where tenant_id = $T and id = '${ids[11]}'`);
    expect(await breaches()).toEqual([expect.objectContaining({ kind: 'entry-missing', ...of(12) })]);
    await harm(`delete from audit.entry where tenant_id = $T and id >= '${ids[38]}'`);
    expect((await breaches()).map(({ kind, sequence }) => [kind, sequence])).toEqual([['entry-missing', 12], ['entry-missing', 39], ['entry-missing', 40]]);
  });

  it('finds two entries that changed places', async () => {
    const [one, two, spare] = [ids[3], ids[4], newId()];
    for (const [from, to] of [[one, spare], [two, one], [spare, two]]) await harm(`update audit.entry set id = '${to}' where tenant_id = $T and id = '${from}'`);
    expect(await breaches()).toEqual([expect.objectContaining({ kind: 'entry-edited', ...of(4) }), expect.objectContaining({ kind: 'entry-edited', ...of(5) })]);
  });

  it('finds an entry that was put in behind the time of sealing, and a leaf behind the last checkpoint', async () => {
    const old = '01900000-0000-7000-8000-000000000000';
    await world.asSuperuser(`select kernel.ensure_months('audit.entry', '2024-06-01', 0)`);
    await harm(`insert into audit.entry select tenant_id, '${old}', occurred_at, actor_type, actor_id, actor_name, action, subject_type, subject_id from audit.entry where tenant_id = $T and id = '${ids[0]}'`);
    expect(await breaches()).toEqual([expect.objectContaining({ kind: 'entry-unsealed', sequence: null, entryId: old })]);
    await harm(`insert into audit.leaf select tenant_id, 41, '${old}', occurred_at, action, subject_type, subject_id, risk, salt, payload_hash, leaf_hash, sealed_at from audit.leaf where tenant_id = $T and sequence = 40`);
    expect(await breaches()).toEqual([expect.objectContaining({ kind: 'leaf-unexpected', sequence: 41, entryId: old })]);
  });

  it.each([
    ['a leaf whose words were changed', `update audit.leaf set action = 'file.read' where tenant_id = $T and sequence = 9`, [['entry-edited', 9], ['leaf-edited', 9]]],
    ['a leaf whose hash was changed', `update audit.leaf set leaf_hash = sha256('x') where tenant_id = $T and sequence = 9`, [['leaf-edited', 9], ['node-edited', 1], ['root-mismatch', 1]]],
    ['a leaf that was deleted', `delete from audit.leaf where tenant_id = $T and sequence = 9`, [['leaf-missing', 9]]],
    ['a salt that was taken away', `update audit.leaf set salt = null where tenant_id = $T and sequence = 9`, [['entry-edited', 9]]],
    ['a node that was changed', `update audit.node set hash = sha256('x') where tenant_id = $T and node_index = 1`, [['node-edited', 17]]],
    ['a node that was deleted', `delete from audit.node where tenant_id = $T and node_index = 1`, [['node-edited', 17]]],
  ])('finds %s', async (_, statement, expected) => {
    await harm(statement);
    const found = (await breaches()).map(({ kind, sequence }) => [kind, sequence]).sort();
    expect(found).toEqual(expected);
  });

  it('finds an edit whose hashes were all made again, up to the nodes: the signed root is another', async () => {
    await harm(`update audit.entry set new_state = '{"a": 3}' where tenant_id = $T and id = '${ids[17]}'`);
    await harm(`update audit.leaf l set payload_hash = sha256(l.salt || 'x'), leaf_hash = sha256('y') where tenant_id = $T and sequence = 18`);
    const found = await breaches();
    expect(found.find(({ kind }) => kind === 'root-mismatch')).toMatchObject({ ...of(11), message: expect.stringContaining('one of the leaves 11 to 20 was changed') });
    expect(found.map(({ kind }) => kind)).toContain('leaf-edited');
  });

  it.each([
    ['whose root was changed', `update audit.checkpoint set root = sha256('x') where tenant_id = $T and size = 20`, [['bad-signature', 20], ['chain-broken', 30], ['root-mismatch', 11]]],
    ['whose time was changed', `update audit.checkpoint set sealed_at = sealed_at - interval '1 day' where tenant_id = $T and size = 20`, [['bad-signature', 20], ['chain-broken', 30]]],
    ['whose signature was changed', `update audit.checkpoint set signature = sha256('x') || sha256('y') where tenant_id = $T and size = 20`, [['bad-signature', 20], ['chain-broken', 30]]],
    ['that is the last one', `update audit.checkpoint set sealed_at = sealed_at - interval '1 day' where tenant_id = $T and size = 40`, [['bad-signature', 40], ['chain-broken', 40]]],
    ['that was taken out', `delete from audit.checkpoint where tenant_id = $T and size = 20`, [['chain-broken', 30]]],
    ['whose size was changed', `update audit.checkpoint set size = 21 where tenant_id = $T and size = 20`, [['bad-signature', 21], ['chain-broken', 30], ['root-mismatch', 11]]],
    ['whose key is unknown', `update audit.checkpoint set key_id = '0123456789abcdef' where tenant_id = $T and size = 20`, [['chain-broken', 30], ['unknown-key', 20]]],
  ])('finds a checkpoint %s', async (_, statement, expected) => {
    await harm(statement);
    const found = await breaches();
    expect(found.map(({ kind, sequence }) => [kind, sequence]).sort()).toEqual(expected);
    for (const breach of found) expect(breach.entryId).toBe(ids[breach.sequence! - 1]);
  });

  /** Everything behind a size, as a copy of the database from then would lack it. */
  const cutOff = async (size: number) => {
    await harm(`delete from audit.entry where tenant_id = $T and id > '${ids[size - 1]}'`);
    for (const table of ['leaf', 'checkpoint']) await harm(`delete from audit.${table} where tenant_id = $T and ${table === 'leaf' ? 'sequence' : 'size'} > ${size}`);
    await harm(`delete from audit.node where tenant_id = $T and (node_index + 1) * power(2, level) > ${size}`);
  };

  it('finds that the end of the log was cut off, or an older copy restored, in the process that sealed it and, with a checkpoint kept elsewhere, in every other', async () => {
    const checkpoint = await latest();
    await cutOff(20);
    expect((await breaches()).map(({ kind, sequence }) => [kind, sequence])).toEqual([['truncated', 21]]);
    const other = await world.another();
    expect(await other.verify(me)).toMatchObject({ ok: true, size: 20 });
    expect((await other.verify(me, { checkpoint })).breaches).toEqual([expect.objectContaining({ kind: 'truncated', sequence: 21, message: expect.stringContaining('covers 40') })]);
    await other.close();
  });

  /** Signs the whole chain anew over the roots that are there. */
  const resign = async (signer: Signer) => {
    const rows = await world.hive.database.execute<{ size: string; root: Uint8Array; sealed_at: Date }>(world.hive.orm, `select size, root, sealed_at from audit.checkpoint where tenant_id = '${me.tenantId}' order by size`);
    let previous: string | null = null;
    for (const { size, root, sealed_at } of rows) {
      const facts: CheckpointFacts = { tenant: me.tenantId, size: Number(size), root: Buffer.from(root).toString('hex'), previous, sealedAt: new Date(sealed_at).toISOString(), keyId: signer.keyId };
      const signature = signer.sign(facts);
      await harm(`update audit.checkpoint set previous = ${previous === null ? 'null' : `'\\x${previous}'`}, key_id = '${signer.keyId}', signature = '\\x${signature.toString('hex')}' where tenant_id = $T and size = ${size}`);
      previous = checkpointHash(facts, signature).toString('hex');
    }
  };

  it('finds that the log was signed anew with another key, put into the catalogue or not', async () => {
    const checkpoint = await latest();
    const signer = Signer.make();
    await resign(signer);
    expect((await breaches()).map(({ kind, sequence }) => [kind, sequence])).toEqual(expect.arrayContaining([['chain-broken', 40], ['unknown-key', 40]]));
    await harm(`insert into audit.signing_key values ('${signer.keyId}', '\\x${signer.publicKey.toString('hex')}', '2020-01-01', '2020-01-02')`);
    expect((await breaches()).map(({ kind, sequence, entryId }) => [kind, sequence, entryId])).toEqual([['chain-broken', 40, ids[39]], ['unknown-key', 40, ids[39]]]);
    await expect(world.fill(me, 1).then(() => world.seal(me))).rejects.toMatchObject({ code: 'log-changed' });
    // The roots are right: only what was kept elsewhere tells, by its signature, which of two chains is older.
    expect((await breaches({ checkpoint })).map(({ kind }) => kind)).not.toContain('bad-signature');
    await harm(`delete from audit.signing_key where id = '${signer.keyId}'`);
  });

  it('takes a checkpoint that was kept elsewhere at its word only when its signature is one', async () => {
    const checkpoint = await latest();
    expect(await world.verify(me, { checkpoint })).toMatchObject({ ok: true });
    const forged = { ...checkpoint, root: createHash('sha256').update('x').digest('hex') };
    expect((await breaches({ checkpoint: forged })).map(({ kind }) => kind)).toEqual(['bad-signature', 'root-mismatch']);
    expect((await breaches({ checkpoint: { ...checkpoint, keyId: '0123456789abcdef' } })).map(({ kind }) => kind)).toEqual(['unknown-key']);
    const { me: other } = await world.sealed(1);
    const refused = await world.hive.post('/v1/audit/verifications', { checkpoint }, { as: other });
    expect([refused.status, refused.body]).toMatchObject([422, { errors: [{ pointer: '/checkpoint/tenant' }] }]);
  });

  it('verifies only what came after a checkpoint when told so', async () => {
    const checkpoint = await latest();
    await world.fill(me, 12);
    await world.seal(me);
    expect(await world.verify(me, { since: 40 })).toMatchObject({ ok: true, from: 41, size: 52, leaves: 12, checkpoints: 1 });
    expect(await world.verify(me, { since: 40, checkpoint })).toMatchObject({ ok: true });
    await harm(`update audit.entry set action = 'x' where tenant_id = $T and id = '${ids[2]}'`);
    expect(await world.verify(me, { since: 40 })).toMatchObject({ ok: true });
    await harm(`update audit.leaf set leaf_hash = sha256('x') where tenant_id = $T and sequence = 33`);
    expect((await breaches({ since: 40 })).map(({ kind }) => kind)).toContain('root-mismatch');
    const refused = await world.hive.post('/v1/audit/verifications', { since: 39 }, { as: me });
    expect([refused.status, refused.body]).toMatchObject([422, { errors: [{ pointer: '/since' }] }]);
  });

  it('finds nothing in a log that grows while it is verified', async () => {
    await world.fill(me, 120);
    let isSealing = true;
    const sealing = world.seal(me, 1).finally(() => {
      isSealing = false;
    });
    const verifying = Array.from({ length: 3 }, async () => {
      let reports = 0;
      while (isSealing) {
        expect(await world.verify(me, { since: 40 })).toMatchObject({ ok: true, breaches: [] });
        reports++;
      }
      return reports;
    });
    await sealing;
    expect(Math.min(...(await Promise.all(verifying)))).toBeGreaterThan(0);
    expect(await world.verify(me)).toMatchObject({ ok: true, size: 160 });
  });

  it('finds, and is not stopped by, what is gone from before the checkpoint that it begins at', async () => {
    const checkpoint = await latest();
    await world.fill(me, 2);
    await world.seal(me);
    await harm(`delete from audit.leaf where tenant_id = $T and sequence in (33, 36)`);
    await harm(`delete from audit.node where tenant_id = $T and node_index = 1`);
    await harm(`update audit.entry set action = 'x' where tenant_id = $T and id = '${ids[0]}'`);
    const all = await world.hive.database.execute<{ id: string }>(world.hive.orm, `select id from audit.entry where tenant_id = '${me.tenantId}' order by id`);
    await harm(`update audit.entry set action = 'x' where tenant_id = $T and id = '${all[40]!.id}'`);
    const report = await world.verify(me, { since: 40, checkpoint });
    expect(report).toMatchObject({ ok: false, size: 42, root: null, leaves: 2 });
    expect(report.breaches.map(({ kind, sequence }) => [kind, sequence])).toEqual([['node-edited', 17], ['leaf-missing', 33], ['leaf-missing', 36], ['entry-edited', 41]]);
  });

  it('finds, and is not stopped by, what is gone from under a checkpoint that was kept elsewhere', async () => {
    const { body } = await world.hive.get<{ items: CheckpointDto[] }>('/v1/audit/checkpoints?limit=10', { as: me });
    const checkpoint = body.items.find(({ size }) => size === 20);
    await harm(`delete from audit.leaf where tenant_id = $T and sequence = 18`);
    expect((await breaches({ since: 40, checkpoint })).map(({ kind, sequence }) => [kind, sequence])).toEqual([['leaf-missing', 18]]);
  });

  it('proves and exports nothing over leaves that are gone, and says which', async () => {
    await harm(`delete from audit.leaf where tenant_id = $T and sequence = 34`);
    const damaged = { status: 409, body: { code: 'log-damaged', detail: expect.stringContaining('lacks leaf 34: verify it') } };
    const get = (path: string) => world.hive.get(path, { as: me });
    for (const path of [`entries/${ids[34]}?proof=true`, 'consistency?from=33&to=40', 'export?from=36']) expect(await get(`/v1/audit/${path}`)).toMatchObject(damaged);
  });

  it.each([
    ['a sequence of none', { since: 0 }, '/since'],
    ['a checkpoint of another shape', { checkpoint: { size: 1 } }, '/checkpoint/root'],
    ['an unknown field', { until: 3 }, '/until'],
  ])('refuses %s', async (_, body, pointer) => {
    const answer = await world.hive.post<{ errors: { pointer: string }[] }>('/v1/audit/verifications', body, { as: me });
    expect([answer.status, answer.body.errors.map((error) => error.pointer)]).toEqual([422, expect.arrayContaining([pointer])]);
  });

  it('counts what retention has taken out and what was erased, and names the same without a proof', async () => {
    await harm(`delete from audit.entry where tenant_id = $T and id = '${ids[0]}'`);
    await harm(`update audit.leaf set salt = null where tenant_id = $T and sequence = 2`);
    await harm(`delete from audit.entry where tenant_id = $T and id = '${ids[2]}'`);
    expect((await breaches()).map(({ kind, sequence }) => [kind, sequence])).toEqual([['entry-missing', 1], ['entry-edited', 2], ['entry-missing', 3]]);
    world.proofs.set(me.tenantId, { archived: [1], erased: [2] });
    expect(await world.verify(me)).toMatchObject({ ok: false, archived: 1, erased: 1, breaches: [{ kind: 'entry-missing', sequence: 3 }] });
  });
});
