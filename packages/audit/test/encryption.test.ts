import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, oneTransaction, runAs, tenantSql } from '@agent-hive/kernel';
import { principal, testApp, type TestApp } from '@agent-hive/kernel/testing';
import { sql } from 'kysely';
import { readKeyEncryptionKeys } from '../src/encryption/key-encryption-key.js';
import { AuditHooks, auditDomain, AuditModule, CaptureSubscriber, DataKeysService, EncryptionService, KeyUnusable, Undecipherable, UnknownKey, type KeyEncryptionSource } from '../src/index.js';

const TABLE = 'public.secret';
const DAY_MS = 86_400_000;

describe('encryption of sensitive columns', () => {
  const root = mkdtempSync(join(tmpdir(), 'hive-keys-'));
  let hive: TestApp;
  let encryption: EncryptionService;
  let keys: DataKeysService;
  beforeAll(async () => {
    hive = await testApp({ domains: [auditDomain], modules: [AuditModule], subscribers: [new CaptureSubscriber()] });
    await hive.database.execute(hive.orm, `create table ${TABLE} (tenant_id uuid, id uuid, text text, primary key (tenant_id, id))`);
    await hive.database.execute(hive.orm, `grant all on ${TABLE} to hive_app`);
    encryption = hive.app.get(EncryptionService, { strict: false });
    keys = hive.app.get(DataKeysService, { strict: false });
    hive.app.get(AuditHooks, { strict: false }).encryptedColumns.register('test', async () => [{ table: TABLE, column: 'text' }]);
  });
  afterAll(async () => {
    await hive.close();
    rmSync(root, { recursive: true, force: true });
  });

  const cell = (row: string, column = 'text') => ({ table: TABLE, column, row });
  const as = <T>(me: ReturnType<typeof principal>, work: () => Promise<T>) => runAs(hive.orm.em, me, work);
  const insert = async (id: string, text: string) => {
    const stored = await encryption.encrypt(cell(id), text);
    await tenantSql(hive.orm.em, (db) => sql`insert into public.secret values (nullif(current_setting('app.tenant_id'), '')::uuid, ${id}, ${stored})`.execute(db));
    return stored;
  };
  const stored = (tenantId: string) => hive.database.execute<{ id: string; text: string }>(hive.orm, `select id, text from ${TABLE} where tenant_id = '${tenantId}' order by id`);

  it('stores what says nothing of the text, names its key, and opens again [S4.97]', async () => {
    const [me, id] = [principal(), newId()];
    await as(me, async () => {
      const [one, two] = [await encryption.encrypt(cell(id), 'because the diff is small ✓'), await encryption.encrypt(cell(id), 'because the diff is small ✓')];
      expect(one).toMatch(/^enc1\.[0-9a-f-]{36}\.[\w-]+$/);
      expect(one).not.toBe(two);
      expect([await encryption.decrypt(cell(id), one), await encryption.decrypt(cell(id), two)]).toEqual(Array(2).fill('because the diff is small ✓'));
      expect([await encryption.encrypt(cell(id), null), await encryption.decrypt(cell(id), null)]).toEqual([null, null]);
      expect(await encryption.decrypt(cell(id), await encryption.encrypt(cell(id), ''))).toBe('');
    });
    const { body } = await hive.get<{ items: { id: string; retiredAt: null }[] }>('/v1/data-keys', { as: me });
    expect(body.items).toEqual([expect.objectContaining({ retiredAt: null, wrappedBy: expect.stringMatching(/^[0-9a-f]{16}$/) })]);
    expect(JSON.stringify(body)).not.toContain('wrapped"');
  });

  it('opens in its own row, column and tenant only, and not when it was changed [S4.97]', async () => {
    const [me, other, id] = [principal(), principal(), newId()];
    const value = await as(me, () => encryption.encrypt(cell(id), 'text'));
    const refused = (who: typeof me, where: ReturnType<typeof cell>, what: string) => as(who, () => encryption.decrypt(where, what));
    await expect(refused(me, cell(newId()), value)).rejects.toThrow(Undecipherable);
    await expect(refused(me, cell(id, 'other'), value)).rejects.toThrow(Undecipherable);
    await expect(refused(other, cell(id), value)).rejects.toThrow(UnknownKey);
    const changed = value.slice(0, -3) + (value.at(-3) === 'A' ? 'B' : 'A') + value.slice(-2);
    await expect(refused(me, cell(id), changed)).rejects.toThrow(Undecipherable);
    for (const nonsense of ['plain text', 'enc1.x.y', `${value.slice(0, 42)}`]) await expect(refused(me, cell(id), nonsense)).rejects.toThrow(Undecipherable);
    // The other tenant's key of the same id does not exist; the bytes under a key of its own do not open either.
    const own = await as(other, () => encryption.encrypt(cell(id), 'text'));
    await expect(refused(other, cell(id), `${own.slice(0, 42)}${value.slice(42)}`)).rejects.toThrow(Undecipherable);
  });

  it('names a key that nobody has', async () => {
    const [me, id, unknown] = [principal(), newId(), newId()];
    const value = await as(me, () => encryption.encrypt(cell(id), 'text'));
    const answer = as(me, () => encryption.decrypt(cell(id), value.replace(/\.[0-9a-f-]{36}\./, `.${unknown}.`)));
    await expect(answer).rejects.toThrow(new UnknownKey(`This tenant has no data key ${unknown}`));
  });

  it('keeps a key that a transaction made and rolled back for nobody', async () => {
    const [me, id] = [principal(), newId()];
    await as(me, async () => {
      const lost = oneTransaction(hive.orm.em, async () => {
        await encryption.encrypt(cell(id), 'lost');
        throw new Error('rolled back');
      });
      await expect(lost).rejects.toThrow('rolled back');
    });
    const value = await as(me, () => encryption.encrypt(cell(id), 'kept'));
    // A process that knows nothing yet finds the key in the database.
    expect((await keysOf(me)).map((key) => key.id)).toEqual([value.slice(5, 41)]);
  });

  const keysOf = async (me: ReturnType<typeof principal>) =>
    (await hive.get<{ items: { id: string; retiredAt: string | null; destroyedAt: string | null; wrappedBy: string }[] }>('/v1/data-keys', { as: me })).body.items;

  it('rotates while rows are written: everything stays readable, is encrypted anew, and only then the old key goes [S4.97]', async () => {
    const me = principal();
    const texts = new Map<string, string>();
    const write = async (n: number) => {
      const id = newId();
      texts.set(id, `text ${n}`);
      await as(me, () => insert(id, `text ${n}`));
    };
    for (let n = 0; n < 230; n++) await write(n);
    const [first] = await keysOf(me);
    const writer = (async () => {
      for (let n = 230; n < 300; n++) await write(n);
    })();
    expect((await hive.post('/v1/data-keys/rotation', {}, { as: me })).status).toBe(201);
    await as(me, () => keys.work());
    await writer;
    for (const { id, text } of await stored(me.tenantId)) expect(await as(me, () => encryption.decrypt(cell(id), text))).toBe(texts.get(id));
    // What was written with the old key meanwhile is found by a later run; a run with nothing to do does nothing.
    await as(me, () => keys.work());
    expect(await as(me, () => keys.work())).toBe(0);
    const [second, ...old] = await keysOf(me);
    expect(old).toEqual([expect.objectContaining({ id: first!.id, retiredAt: expect.any(String), destroyedAt: null })]);
    await as(me, () => keys.work(undefined, new Date(Date.now() + DAY_MS)));
    expect(await keysOf(me)).toEqual([second, expect.objectContaining({ id: first!.id, destroyedAt: expect.any(String) })]);
    const rows = await stored(me.tenantId);
    expect(rows).toHaveLength(300);
    for (const { id, text } of rows) expect([text.slice(5, 41), await as(me, () => encryption.decrypt(cell(id), text))]).toEqual([second!.id, texts.get(id)]);
    const { body } = await hive.get<{ items: { action: string }[] }>('/v1/audit/entries?subjectType=data_key', { as: me });
    expect(body.items.map((entry) => entry.action)).toEqual(['data_key.destroyed', 'data_key.rotated']);
  });

  it('writes with the new key at once in the process that rotated', async () => {
    const [me, id] = [principal(), newId()];
    await as(me, () => insert(id, 'before'));
    const { body } = await hive.post<{ id: string }>('/v1/data-keys/rotation', {}, { as: me });
    expect((await as(me, () => encryption.encrypt(cell(id), 'after'))).slice(5, 41)).toBe(body.id);
  });

  it('refuses to destroy a key that still has a value', async () => {
    const [me, id] = [principal(), newId()];
    const value = await as(me, () => insert(id, 'broken'));
    await hive.database.execute(hive.orm, `update ${TABLE} set text = text || 'x' where id = '${id}'`);
    await hive.post('/v1/data-keys/rotation', {}, { as: me });
    await expect(as(me, () => keys.work(undefined, new Date(Date.now() + DAY_MS)))).rejects.toThrow(Undecipherable);
    expect((await keysOf(me)).find((key) => key.id === value.slice(5, 41))).toMatchObject({ destroyedAt: null });
  });

  describe('under a key-encryption key', () => {
    const [old, present] = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('hex')];
    const service = (source: KeyEncryptionSource) => new EncryptionService(hive.orm.em, { encryptionKeys: source });
    const of = (text: string) => service({ kind: 'keys', text });

    it('moves to a new one when both are given, and then needs the old one no more', async () => {
      const [me, id] = [principal(), newId()];
      const value = await as(me, () => of(old).encrypt(cell(id), 'text'));
      await expect(as(me, () => of(present).decrypt(cell(id), value))).rejects.toThrow(/wrapped by the key-encryption key [0-9a-f]{16}, which was not given/);
      const both = of(`${present}, ${old}`);
      const own = new DataKeysService(hive.orm.em, both, hive.app.get(DataKeysService, { strict: false })['entries'], hive.app.get(AuditHooks, { strict: false }));
      await as(me, () => own.work());
      expect(await as(me, () => of(present).decrypt(cell(id), value))).toBe('text');
      await expect(as(me, () => of(old).decrypt(cell(id), value))).rejects.toThrow(UnknownKey);
    });

    it('makes its file for its owner alone, once, and reads it again', () => {
      const path = join(mkdtempSync(join(root, 'keys-')), 'deep', 'key');
      const made = readKeyEncryptionKeys({ kind: 'file', path, create: true });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readKeyEncryptionKeys({ kind: 'file', path, create: true }).current.id).toBe(made.current.id);
      expect(readKeyEncryptionKeys({ kind: 'keys', text: readFileSync(path, 'utf8') }).current.id).toBe(made.current.id);
    });

    it.each([
      ['a short key', 'c2hvcnQ=', 'must hold keys of 32 bytes'],
      ['nothing', ' ', 'must hold keys of 32 bytes'],
      ['one good key and one bad', `${old},c2hvcnQ=`, 'must hold keys of 32 bytes'],
    ])('refuses %s, and says how to make one', (_, text, why) => {
      expect(() => of(text)).toThrow(KeyUnusable);
      expect(() => of(text)).toThrow(why);
    });

    it('refuses a file that is not there, and one that is no key', () => {
      const directory = mkdtempSync(join(root, 'keys-'));
      expect(() => service({ kind: 'file', path: join(directory, 'none'), create: false })).toThrow(/There is no encryption key in/);
      writeFileSync(join(directory, 'bad'), 'nonsense');
      expect(() => service({ kind: 'file', path: join(directory, 'bad'), create: false })).toThrow(KeyUnusable);
      expect(() => readKeyEncryptionKeys({ kind: 'file', path: directory, create: true })).toThrow(/cannot be read/);
    });
  });
});
