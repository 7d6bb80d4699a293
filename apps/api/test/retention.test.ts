import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArchivesService, AuditHooks, DataKeysService, EncryptionService } from '@agent-hive/audit';
import { newId, runAs } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { newDirectory, pastId, removeDirectories, retentionApp, Tenant, type Run } from './retention-world.js';

const DAYS = Array.from({ length: 400 }, (_, i) => i + 1);

interface ArchiveBody {
  id: string;
  rowCount: number;
  digest: string;
  location: string | null;
  table: string;
}

describe('retention', () => {
  let hive: TestApp;
  const directory = newDirectory();
  beforeAll(async () => {
    hive = await retentionApp({ HIVE_ARCHIVE_DIR: directory });
  });
  afterAll(async () => {
    await hive.close();
    removeDirectories();
  });

  const of = (run: Run, table = 'communication.message') => run.stores.find((store) => store.table === table)!;
  const files = (tenant: Tenant) => readdirSync(join(directory, tenant.me.tenantId, 'communication.message'));

  it('has a policy for every class, which a tenant may change [S4.12, S4.92, S4.94]', async () => {
    const tenant = new Tenant(hive);
    const policy = async (name: string) => (await tenant.get<{ items: { retentionClass: string }[] }>('/v1/retention-policies')).body.items.find((item) => item.retentionClass === name);
    expect(await policy('conversation')).toEqual({ retentionClass: 'conversation', hotDays: 90, totalDays: 365, isDefault: true, tables: ['communication.message'] });
    expect(await policy('decision')).toMatchObject({ hotDays: 184, totalDays: 730 });
    expect(await policy('audit')).toMatchObject({ hotDays: 1096, totalDays: 1096, tables: ['audit.entry'] });
    expect((await tenant.put('/v1/retention-policies', { items: [{ retentionClass: 'conversation', hotDays: 30, totalDays: null }] })).status).toBe(200);
    expect(await policy('conversation')).toMatchObject({ hotDays: 30, totalDays: null, isDefault: false });
    await tenant.put('/v1/retention-policies', { items: [] });
    expect(await policy('conversation')).toMatchObject({ hotDays: 90, isDefault: true });
  });

  it.each([
    ['less time altogether than in the database', [{ retentionClass: 'mail', hotDays: 10, totalDays: 9 }], '/items/0/totalDays'],
    ['a class named twice', [{ retentionClass: 'mail', hotDays: 1, totalDays: 1 }, { retentionClass: 'mail', hotDays: 2, totalDays: 2 }], '/items/1/retentionClass'],
    ['the record for less than a year', [{ retentionClass: 'audit', hotDays: 364, totalDays: 1096 }], '/items/0/hotDays'],
    ['no day at all', [{ retentionClass: 'mail', hotDays: 0, totalDays: 1 }], '/items/0/hotDays'],
    ['a class that is none', [{ retentionClass: 'everything', hotDays: 1, totalDays: 1 }], '/items/0/retentionClass'],
  ])('refuses a policy with %s', async (_, items, pointer) => {
    const answer = await new Tenant(hive).put<{ errors: { pointer: string }[] }>('/v1/retention-policies', { items });
    expect([answer.status, answer.body.errors?.map((error) => error.pointer)]).toEqual([422, [pointer]]);
  });

  it('of 400 days of messages archives and deletes what a dry run counts, keeps a held session, and gives back what was there [S4.12, S4.92, S4.106, S1.94]', async () => {
    const tenant = new Tenant(hive);
    const [free, held] = [await tenant.made('/v1/sessions', {}), await tenant.made('/v1/sessions', {})];
    await tenant.messages(free.id, DAYS);
    await tenant.messages(held.id, DAYS);
    const before = await tenant.rows<{ id: string; row: object }>(`select id, to_jsonb(m) as row from communication.message m where tenant_id = 'TENANT' and session_id = '${free.id}' order by id`);
    await tenant.made('/v1/legal-holds', { subjectType: 'session', subjectId: held.id, reason: 'a lawsuit' });

    const dry = await tenant.run(true);
    expect(of(dry)).toMatchObject({ due: 311, held: 311, archived: 0, deleted: 0 });
    expect(await tenant.count('communication.message')).toBe(800);

    const run = await tenant.run();
    expect([run.state, run.error]).toEqual(['completed', null]);
    expect(of(run)).toMatchObject({ due: of(dry).due, held: of(dry).held, archived: 311, deleted: 311 });
    expect(await tenant.rows(`select session_id, count(*)::int as n from communication.message where tenant_id = 'TENANT' group by 1 order by 2`)).toEqual([
      { session_id: free.id, n: 89 },
      { session_id: held.id, n: 400 },
    ]);

    const { items } = (await tenant.get<{ items: ArchiveBody[] }>('/v1/archives?table=communication.message')).body;
    expect(items.reduce((sum, archive) => sum + archive.rowCount, 0)).toBe(311);
    const restored: { id: string }[] = [];
    for (const { id } of [...items].reverse()) restored.push(...(await tenant.get<string>(`/v1/archives/${id}/rows`)).body.trimEnd().split('\n').map((line) => JSON.parse(line) as { id: string }));
    expect(restored).toEqual(before.slice(0, 311).map(({ row }) => row));
    // What is in the file is what the proof says, and the record tells of it.
    const [name] = files(tenant);
    expect(gunzipSync(readFileSync(join(directory, tenant.me.tenantId, 'communication.message', name!))).toString().split('\n')).toHaveLength(312);
    expect((await tenant.get<{ items: object[] }>(`/v1/audit/entries?action=archive.created&subjectId=${items[0]!.id}`)).body.items).toHaveLength(1);

    // Nothing is left to do, and nothing is done twice.
    expect(of(await tenant.run())).toMatchObject({ due: 0, held: 311, archived: 0, deleted: 0 });
    expect(files(tenant)).toHaveLength(1);
  });

  it('drops a month once no tenant has a row in it, and not before', async () => {
    const [one, two] = [new Tenant(hive), new Tenant(hive)];
    // A month of its own, out of reach of the other tests.
    const days = 470;
    for (const tenant of [one, two]) await tenant.messages((await tenant.made('/v1/sessions', {})).id, [days]);
    const [{ month }] = (await one.rows<{ month: string }>(`select 'message_' || to_char((now() - interval '${days} days') at time zone 'UTC', 'YYYYMM') as month`)) as [{ month: string }];
    expect(of(await one.run()).droppedMonths).not.toContain(month);
    expect(of(await two.run()).droppedMonths).toContain(month);
    expect(await one.rows(`select 1 from pg_class where relname = '${month}'`)).toEqual([]);
  });

  it('drops nothing that it could not archive, and says why; the next run goes on [S1.94]', async () => {
    const broken = newDirectory();
    const other = await retentionApp({ HIVE_ARCHIVE_DIR: join(broken, 'file', 'below') });
    try {
      // A file where the directory should be: as little can be written there as on a full or read-only disk, also by root.
      writeFileSync(join(broken, 'file'), '');
      const tenant = new Tenant(other);
      await tenant.messages((await tenant.made('/v1/sessions', {})).id, [100, 101]);
      const run = await tenant.run();
      expect([run.state, run.error]).toEqual(['failed', expect.stringMatching(/ENOTDIR|EEXIST/)]);
      expect(of(run)).toMatchObject({ due: 2, archived: 0, deleted: 0 });
      expect([await tenant.count('communication.message'), await tenant.count('audit.archive')]).toEqual([2, 0]);
      rmSync(join(broken, 'file'));
      expect(await tenant.run()).toMatchObject({ state: 'completed' });
      expect([await tenant.count('communication.message'), await tenant.count('audit.archive')]).toEqual([0, 1]);
    } finally {
      await other.close();
    }
  });

  it('keeps decisions with their rationale for 184 days, archives for 730, and the data key as long as an archive needs it [S4.93]', async () => {
    const tenant = new Tenant(hive);
    const as = <T>(work: () => Promise<T>) => runAs(hive.orm.em, tenant.me, work);
    const [encryption, keys] = [hive.app.get(EncryptionService, { strict: false }), hive.app.get(DataKeysService, { strict: false })];
    const agent = await tenant.made('/v1/agents', { name: 'decider', type: 'general-purpose' });
    const session = await tenant.made('/v1/sessions', { agentId: agent.id });
    await tenant.rows(`select kernel.ensure_months('trust.decision', now() - interval '25 months', 25)`);
    const cell = (row: string) => ({ table: 'trust.decision', column: 'decision_rationale', row });
    const decide = async (days: number) => {
      const [{ id }] = (await tenant.rows<{ id: string }>(`select ${pastId(String(days))} as id`)) as [{ id: string }];
      const rationale = await as(() => encryption.encrypt(cell(id), `because of ${days} days`));
      await tenant.rows(`insert into trust.decision (tenant_id, id, session_id, agent_id, decision_type, risk, input_context, decision_rationale, action_taken, outcome, outcome_reason, trust_level, created_at)
        values ('TENANT', '${id}', '${session.id}', '${agent.id}', 'review', 'low', '{}', '${rationale}', '{}', 'allowed', 'low risk', 1, now() - interval '${days} days')`);
      return id;
    };
    await decide(731);
    const first = await tenant.run();
    expect([of(first, 'trust.decision'), first.expiredArchives]).toEqual([expect.objectContaining({ archived: 1, deleted: 1 }), 1]);
    const [young, old] = [await decide(183), await decide(185)];
    const second = await tenant.run();
    expect([of(second, 'trust.decision'), second.expiredArchives]).toEqual([expect.objectContaining({ archived: 1, deleted: 1 }), 0]);
    expect(await tenant.rows(`select id from trust.decision where tenant_id = 'TENANT'`)).toEqual([{ id: young }]);

    // The key is rotated, and nothing in the table needs the old one any more: what is archived does.
    await tenant.post('/v1/data-keys/rotation', {});
    const later = new Date(Date.now() + 86_400_000);
    const destroyed = async () => (await tenant.get<{ items: { destroyedAt: string | null }[] }>('/v1/data-keys')).body.items.filter((key) => key.destroyedAt !== null).length;
    await as(() => keys.work(undefined, later));
    expect(await destroyed()).toBe(0);
    const [live] = (await tenant.get<{ items: ArchiveBody[] }>('/v1/archives?table=trust.decision')).body.items.filter((archive) => archive.location !== null);
    const row = JSON.parse((await tenant.get<string>(`/v1/archives/${live!.id}/rows`)).body) as { id: string; decision_rationale: string };
    expect([row.id, await as(() => encryption.decrypt(cell(row.id), row.decision_rationale))]).toEqual([old, 'because of 185 days']);
    await tenant.rows(`update audit.archive set expires_at = now() - interval '1 day' where tenant_id = 'TENANT' and id = '${live!.id}'`);
    expect(await tenant.run()).toMatchObject({ expiredArchives: 1 });
    await as(() => keys.work(undefined, later));
    expect(await destroyed()).toBe(1);
  });

  it('takes out an interaction that a task has waited for', async () => {
    const tenant = new Tenant(hive);
    const [{ id }] = (await tenant.rows<{ id: string }>(`select ${pastId('400')} as id`)) as [{ id: string }];
    const question = await tenant.made('/v1/interactions', { type: 'clarification_request', content: 'Which one?' });
    const agent = await tenant.made('/v1/agents', { name: 'asker', type: 'general-purpose' });
    const task = await tenant.made('/v1/tasks', { title: 't', type: 'x' });
    const [claimed] = (await tenant.post<{ items: { fencingToken: number }[] }>('/v1/claims', { agentId: agent.id })).body.items;
    const wait = (interactionId: string) => tenant.post(`/v1/tasks/${task.id}/wait`, { fencingToken: claimed!.fencingToken, interactionId });
    expect((await wait(newId())).status).toBe(404);
    expect((await wait(question.id)).status).toBeLessThan(300);
    expect((await tenant.post(`/v1/interactions/${question.id}/response`, { status: 'answered', response: { text: 'that' } })).status).toBeLessThan(300);
    await tenant.rows(`update trust.interaction set id = '${id}' where tenant_id = 'TENANT'`);
    await tenant.rows(`update tasks.task set interaction_id = '${id}' where tenant_id = 'TENANT'`);
    const run = await tenant.run();
    expect([run.error, of(run, 'trust.interaction')]).toEqual([null, expect.objectContaining({ archived: 1, deleted: 1 })]);
    expect((await tenant.get(`/v1/tasks/${task.id}`)).body).toMatchObject({ interactionId: id });
  });

  it('goes through no table that a foreign key points to', async () => {
    const tables = ['audit.entry', ...(await hive.app.get(AuditHooks, { strict: false }).stores.run()).flat().filter((store) => store.retention).map((store) => store.table)];
    expect(tables.length).toBeGreaterThan(8);
    const keys = await new Tenant(hive).rows<{ name: string }>(`
      select k.conname as name from pg_constraint k join pg_class c on c.oid = k.confrelid join pg_namespace n on n.oid = c.relnamespace
       where k.contype = 'f' and k.conparentid = 0 and n.nspname || '.' || c.relname = any (array[${tables.map((table) => `'${table}'`).join(', ')}])`);
    expect(keys).toEqual([]);
  });

  it('leaves no file of a batch that it could not take out', async () => {
    const tenant = new Tenant(hive);
    await tenant.messages((await tenant.made('/v1/sessions', {})).id, [130]);
    const archives = hive.app.get(ArchivesService, { strict: false });
    const keep = archives.keep.bind(archives);
    archives.keep = async (key, rows) => {
      const file = await keep(key, rows);
      await tenant.rows(`update communication.message set content = content || '!' where tenant_id = 'TENANT'`);
      return file;
    };
    try {
      const run = await tenant.run();
      expect([run.state, run.error]).toEqual(['failed', '1 rows of communication.message changed while they were being archived']);
    } finally {
      archives.keep = keep;
    }
    expect([files(tenant), await tenant.count('audit.archive'), await tenant.count('communication.message')]).toEqual([[], 0, 1]);
  });

  it('gives out no archive that is not what was stored', async () => {
    const tenant = new Tenant(hive);
    await tenant.messages((await tenant.made('/v1/sessions', {})).id, [200]);
    await tenant.run();
    const [archive] = (await tenant.get<{ items: ArchiveBody[] }>('/v1/archives')).body.items;
    const path = join(directory, archive!.location!);
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]));
    expect(await tenant.get(`/v1/archives/${archive!.id}/rows`)).toMatchObject({ status: 409, body: { code: 'archive-damaged' } });
    writeFileSync(path, bytes);
    expect((await tenant.get(`/v1/archives/${archive!.id}/rows`)).status).toBe(200);
  });

  it('ends an archive when its class is over, but none while there is a hold [S4.92]', async () => {
    const tenant = new Tenant(hive);
    const session = await tenant.made('/v1/sessions', {});
    await tenant.messages(session.id, [366]);
    expect(await tenant.run()).toMatchObject({ expiredArchives: 1 });
    const [archive] = (await tenant.get<{ items: (ArchiveBody & { expiredAt: string })[] }>('/v1/archives')).body.items;
    expect(archive).toMatchObject({ rowCount: 1, location: null, expiredAt: expect.any(String) });
    expect(files(tenant)).toEqual([]);
    expect(await tenant.get(`/v1/archives/${archive!.id}/rows`)).toMatchObject({ status: 409, body: { code: 'archive-gone' } });

    await tenant.messages(session.id, [367]);
    const other = await tenant.made('/v1/sessions', {});
    const hold = await tenant.made('/v1/legal-holds', { subjectType: 'session', subjectId: other.id, reason: 'another matter' });
    expect(await tenant.run()).toMatchObject({ expiredArchives: 0 });
    await hive.delete(`/v1/legal-holds/${hold.id}`, { as: tenant.me, body: { reason: 'settled' } });
    expect(await tenant.run()).toMatchObject({ expiredArchives: 1 });
  });

  it('makes no archive where the policy asks for none, and leaves the proof', async () => {
    const tenant = new Tenant(hive);
    await tenant.put('/v1/retention-policies', { items: [{ retentionClass: 'conversation', hotDays: 10, totalDays: 10 }] });
    await tenant.messages((await tenant.made('/v1/sessions', {})).id, [5, 11, 12]);
    expect(of(await tenant.run())).toMatchObject({ due: 2, archived: 0, deleted: 2 });
    expect((await tenant.get<{ items: ArchiveBody[] }>('/v1/archives')).body.items).toEqual([expect.objectContaining({ rowCount: 2, location: null, digest: expect.stringMatching(/^[0-9a-f]{64}$/) })]);
  });

  it('goes on after a process that was killed between archive and deletion, and takes its turn from it', async () => {
    const tenant = new Tenant(hive);
    await tenant.messages((await tenant.made('/v1/sessions', {})).id, [120, 121]);
    const at = (minutes: number) => `now() + interval '${minutes} minutes'`;
    const running = (minutes: number) =>
      tenant.rows(`insert into audit.retention_run (tenant_id, id, is_dry_run, state, started_at, lease_expires_at, stores, expired_archives)
        values ('TENANT', '${newId()}', false, 'running', now(), ${at(minutes)}, '[]', 0)`);
    await running(5);
    expect(await tenant.post('/v1/retention-runs', {})).toMatchObject({ status: 409, body: { code: 'retention-running' } });
    expect((await tenant.run(true)).state).toBe('completed');
    await tenant.rows(`update audit.retention_run set lease_expires_at = ${at(-1)} where tenant_id = 'TENANT'`);
    // Its archive of the same rows lies there already.
    const path = join(directory, tenant.me.tenantId, 'communication.message');
    mkdirSync(path, { recursive: true });
    const [first] = await tenant.rows<{ id: string }>(`select id from communication.message where tenant_id = 'TENANT' order by id limit 1`);
    writeFileSync(join(path, `${first!.id}.ndjson.gz`), 'half of');
    expect(await tenant.run()).toMatchObject({ state: 'completed', error: null });
    expect(files(tenant)).toEqual([`${first!.id}.ndjson.gz`]);
    const [archive] = (await tenant.get<{ items: ArchiveBody[] }>('/v1/archives')).body.items;
    expect((await tenant.get<string>(`/v1/archives/${archive!.id}/rows`)).body.split('\n')).toHaveLength(3);
    const states = (await tenant.get<{ items: Run[] }>('/v1/retention-runs')).body.items.map((run) => run.state);
    expect(states).toEqual(['completed', 'completed', 'abandoned']);
  });

  it('lets an entry of the record go only when it is old, sealed and proven, and never by hand [S4.94]', async () => {
    const tenant = new Tenant(hive);
    await tenant.made('/v1/sessions', {});
    const asApp = (statement: string) => tenant.rows(`do $$ begin set local role hive_app; set local app.tenant_id = 'TENANT'; ${statement}; end $$`);
    await expect(asApp(`delete from audit.entry`)).rejects.toThrow(/permission denied/);
    await expect(asApp(`update audit.entry set action = 'x'`)).rejects.toThrow(/permission denied/);
    const entries = await tenant.count('audit.entry');
    // A young entry stays even with a proof that names it.
    const [{ id }] = (await tenant.rows<{ id: string }>(`select id from audit.entry where tenant_id = 'TENANT' limit 1`)) as [{ id: string }];
    await asApp(`insert into audit.archive (tenant_id, id, run_id, store_table, retention_class, first_id, last_id, row_count, sequences, digest, size_bytes, data_key_ids, created_at)
      values ('TENANT', '${id}', '${id}', 'audit.entry', 'audit', '${id}', '${id}', 1, '{[1,2)}', repeat('0', 64), 0, '[]', now()); perform audit.remove_entries('${id}', array['${id}']::uuid[])`);
    expect(await tenant.count('audit.entry')).toBe(entries);
    await expect(asApp(`perform audit.erase_entries('${id}', array['${id}']::uuid[])`)).rejects.toThrow(/has no receipt/);
    await expect(asApp(`delete from audit.archive`)).rejects.toThrow(/permission denied/);
  });

  it('takes old entries out of the sealed record so that it verifies before and after, and no other may be missing [S4.94]', async () => {
    const tenant = new Tenant(hive);
    const session = await tenant.made('/v1/sessions', {});
    await tenant.rows(`select kernel.ensure_months('audit.entry', now() - interval '38 months', 38)`);
    await tenant.rows(`insert into audit.entry (tenant_id, id, occurred_at, actor_type, actor_name, action, subject_type, subject_id, session_id)
      select 'TENANT', ${pastId('1080 + n')}, now() - make_interval(days => 1080 + n), 'service', 'test', 'probe.done', 'probe', n::text, case when n = 30 then '${session.id}'::uuid end from generate_series(1, 40) n`);
    await tenant.made('/v1/legal-holds', { subjectType: 'session', subjectId: session.id, reason: 'evidence' });
    // What is not sealed stays, however old.
    expect(of(await tenant.run(true), 'audit.entry')).toMatchObject({ due: 0 });
    await tenant.seal();
    expect(await tenant.verify()).toMatchObject({ ok: true, archived: 0 });
    const dry = of(await tenant.run(true), 'audit.entry');
    const run = of(await tenant.run(), 'audit.entry');
    expect([dry.due, dry.held, run.due, run.deleted]).toEqual([24, 1, 24, 24]);
    expect(await tenant.verify()).toMatchObject({ ok: true, archived: 24, breaches: [] });
    await tenant.seal();
    expect(await tenant.verify()).toMatchObject({ ok: true, archived: 24 });
    // The held one lies between those that went; the proof does not cover it.
    await tenant.rows(`delete from audit.entry where tenant_id = 'TENANT' and subject_id = '30'`);
    expect(await tenant.verify()).toMatchObject({ ok: false, breaches: [{ kind: 'entry-missing' }] });
  });
});
