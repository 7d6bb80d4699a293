import { idFloor, newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { readHistory } from '../src/message/history.sql.js';
import { appendMessages, appendTogether } from '../src/message/message-append.sql.js';
import { redactMessage, selectMessage, selectPlaces, selectStretch, selectUsage, updateFeedback, type Range } from '../src/message/message.sql.js';
import { draftOf } from '../src/message/new-message.js';
import { aSession, communicationApp, say } from './world.js';

const TENANTS = 5;
const SESSIONS_EACH = 40;
const MESSAGES_EACH = 50;

describe('the statements of messages, by their plans', () => {
  let hive: TestApp;
  /** A session of the oldest month alone, and one that spans it and the next. */
  let [old, spanning, parent]: string[] = [];
  let months: string[];
  const run = <T extends object = { id: string }>(text: string) => hive.database.execute<T>(hive.orm, text);

  beforeAll(async () => {
    hive = await communicationApp();
    await run(`select kernel.ensure_months('communication.message', now() - interval '3 months', 3)`);
    months = (await run<{ name: string }>(`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'communication.message'::regclass order by 1`)).map(({ name }) => name);
    const tenants = [hive.me.tenantId, ...Array.from({ length: TENANTS - 1 }, newId)].map((id) => `('${id}'::uuid)`).join(', ');
    await run(`insert into agents.session (tenant_id, id, name, last_sequence, started_at, created_at, updated_at)
      select t.id, gen_random_uuid(), 'session ' || n, ${MESSAGES_EACH}, now(), now(), now() from (values ${tenants}) t(id), generate_series(1, ${SESSIONS_EACH}) n`);
    // Session n is of month n % 4, and every tenth goes over into the next.
    await run(`insert into communication.message (tenant_id, id, session_id, sequence, role, message_type, content, channel_payload, size_bytes, content_digest, parent_message_id, created_at, updated_at)
      select s.tenant_id, (left(kernel.id_floor(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' + make_interval(months => k.month - 3, mins => q))::text, 18) || right(gen_random_uuid()::text, 18))::uuid,
             s.id, q, 'user', 'text', 'message ' || q || ' of ' || s.name, case when q = 7 then jsonb_build_object('thread', s.name) else '{}' end, 10, repeat('0', 64), null, now(), now()
        from agents.session s cross join generate_series(1, ${MESSAGES_EACH}) q
       cross join lateral (select substr(s.name, 9)::int as n) n
       cross join lateral (select n.n % 4 + case when n.n % 10 = 0 and q > 25 and n.n % 4 < 3 then 1 else 0 end as month) k`);
    await run(`update agents.session s set first_message_id = m.ids[1], last_message_id = m.ids[cardinality(m.ids)]
        from (select session_id, array_agg(id order by id) as ids from communication.message group by session_id) m where m.session_id = s.id`);
    await run(`update communication.message set parent_message_id = id where sequence = 3`);
    await run('vacuum (analyze) agents.session, communication.message');
    const known = async (name: string) => (await run(`select id from agents.session where tenant_id = '${hive.me.tenantId}' and name = '${name}'`))[0]!.id;
    [old, spanning] = [await known('session 4'), await known('session 20')];
    parent = (await run(`select id from communication.message where session_id = '${old}' and sequence = 3`))[0]!.id;
  });
  afterAll(() => hive.close());

  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work, { run: true }));
  const touched = (plan: Plan) => plan.tables.filter((name) => name.startsWith('message_'));
  const range = (more: Partial<Range> = {}): Range => ({ before: null, after: null, parentId: null, order: 'newest', limit: 51, maxBytes: 1e9, ...more });

  it.each<[string, string, Partial<Range>]>([
    ['the newest', 'session', {}],
    ['those before a sequence', 'session', { before: 30 }],
    ['those after one', 'session', { after: 10, order: 'oldest', limit: 101 }],
    ['the answers to one', 'parent', {}],
  ])('%s of a session are found by message_%s_index, in the months that it spans alone [S4.87, S4.91, S4.129]', async (_, index, more) => {
    const parentId = index === 'parent' ? parent! : null;
    const [ofOld] = await plans((db) => selectStretch(db, old!, range({ ...more, parentId })));
    expect(touched(ofOld!)).toEqual([months[0]]);
    expect(ofOld!.scanned).toEqual([]);
    // A month's index is named after its columns.
    expect(ofOld!.indexes.filter((name) => name.startsWith('message_')).every((name) => name.includes(index))).toBe(true);
    const [ofBoth] = await plans((db) => selectStretch(db, spanning!, range({ ...more })));
    expect(touched(ofBoth!)).toEqual([months[0], months[1]]);
    expect(ofBoth!.scanned).toEqual([]);
  });

  it('the latest 50 of a session are one statement, whose kept plan leaves the other months alone too [S4.91]', async () => {
    const context = () => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, (db) => readHistory(db, spanning!, range({ limit: 50 })), { run: true }));
    for (let i = 0; i < 8; i++) {
      const found = await context();
      expect(found).toHaveLength(1);
      expect(touched(found[0]!)).toEqual([months[0], months[1]]);
    }
  });

  it('one message is found in the month of its id', async () => {
    const id = (await run(`select id from communication.message where session_id = '${spanning}' and sequence = 40`))[0]!.id;
    for (const work of [(db: Sql) => selectMessage(db, id), (db: Sql) => selectPlaces(db, [id]), (db: Sql) => updateFeedback(db, id, { feedback: 'approved' }, new Date()), (db: Sql) => redactMessage(db, id, 'r', new Date())]) {
      const [plan] = await plans(work);
      expect(touched(plan!)).toEqual([months[1]]);
      expect(plan!.scanned.filter((name) => name.startsWith('message'))).toEqual([]);
    }
  });

  it('what a session cost is summed over its own messages', async () => {
    const [plan] = await plans((db) => selectUsage(db, old!));
    expect(touched(plan!)).toEqual([months[0]]);
    expect(plan!.scanned).toEqual([]);
  });

  it('a message is appended by the session\'s id', async () => {
    const session = await aSession(hive);
    const now = new Date();
    const [plan] = await plans((db) => appendMessages(db, session.id, draftOf([{ role: 'user', content: 'x' }], 1024, now, () => ''), now));
    expect(plan!.indexes).toHaveLength(1);
    expect(['session_pkey', 'session_active_index']).toContain(plan!.indexes[0]);
    expect(plan!.scanned).toEqual([]);
  });

  it('messages of several sessions are appended by their ids', async () => {
    const copies = `select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid()))).* from agents.session s cross join generate_series(1, 1000) where s.id = '${(await aSession(hive)).id}'`;
    await hive.database.execute(hive.orm, `insert into agents.session ${copies}`);
    await hive.database.execute(hive.orm, 'analyze agents.session');
    const now = new Date();
    const facts = { actorType: 'service' as const, actorId: null, actorName: 'test', requestId: null, ip: null, userAgent: null };
    const appends = [await aSession(hive), await aSession(hive)].map(({ id }) => ({ sessionId: id, facts, messages: draftOf([{ role: 'user', content: 'x' }], 1024, now, () => '').messages }));
    const [plan] = await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, (db) => appendTogether(db, appends), { asRun: true, run: true }));
    expect(plan).toMatchObject({ indexes: ['session_pkey'], scanned: [], walked: [] });
  });

  it('a month that is gone takes nothing else with it, and one that is not there yet takes nothing in', async () => {
    const session = await aSession(hive);
    await say(hive, session, 'now');
    const far = idFloor(new Date(Date.now() + 400 * 86_400_000));
    await expect(run(`insert into communication.message (tenant_id, id, session_id, sequence, role, message_type, content, size_bytes, content_digest, created_at, updated_at)
      values ('${hive.me.tenantId}', '${far}', '${session.id}', 2, 'user', 'text', 'x', 1, repeat('0', 64), now(), now())`)).rejects.toThrow(/no partition/);
    const has = () => runAs(hive.orm.em, hive.me, async () => (await explain(hive.orm.em, (db) => selectStretch(db, session.id, range()), { run: true }))[0]!);
    expect(touched(await has())).toHaveLength(1);
  });

  it.each([
    ['words', 'to_tsvector', `m.tenant_id = 'TENANT' and to_tsvector('simple', left(m.content, 100000)) @@ websearch_to_tsquery('simple', '"message 31 of session 12"')`],
    ['what a channel said', 'channel_payload', `m.tenant_id = 'TENANT' and m.channel_payload <> '{}' and m.channel_payload @> '{"thread": "session 12"}'`],
  ])('%s are found by a GIN index, inside the function that may [S5.44, S4.90]', async (_, name, condition) => {
    const [body] = await run<{ text: string }>(`select prosrc as text from pg_proc where proname = 'find_messages'`);
    expect(body!.text).toContain(condition.replace(`'TENANT'`, 'tenant').replace(/websearch.*$/, 'wanted').replace(/'\{"thread.*$/, 'payload'));
    const rows = await run<{ 'QUERY PLAN': string }>(`explain select m.id from communication.message m where ${condition.replace('TENANT', hive.me.tenantId)} order by m.id desc limit 21`);
    const text = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Bitmap Index Scan on message_\d{6}_tenant_id_\w*idx/);
    expect(text).toContain(name);
  });
});
