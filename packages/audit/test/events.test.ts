import { principal, readEvents, testEngine, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { EventDto } from '../src/feed/event.dto.js';
import { FeedWatch } from '../src/feed/feed-watch.service.js';
import { anotherServer, feedApp, happen, happenAll, seal } from './feed-world.js';

interface Page {
  items: EventDto[];
  nextCursor: string | null;
  total?: number;
}

describe('the event feed', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await feedApp();
  });
  afterAll(() => hive.close());

  const list = async (query = '', request: TestRequest = {}) => (await hive.get<Page>(`/v1/events${query}`, request)).body;
  const actions = ({ items }: Page) => items.map(({ action }) => action);
  const named = (count: number, prefix = 'step') => Array.from({ length: count }, (_, i) => `${prefix}.${i + 1}`);
  const open = (query = '', headers = {}, { as = hive.me, at = hive }: { as?: TestRequest['as']; at?: Pick<TestApp, 'baseUrl' | 'me'> } = {}) => readEvents<EventDto>(at, `/v1/events/stream${query}`, { headers, as });
  const taken = async (reader: Awaited<ReturnType<typeof open>>, count: number) => (await reader.take(count)).map(({ id, data }) => `${id}:${data!.action}`);

  it('has every sealed entry once, oldest first, with who did what to what, and pages from a sequence on [S2.13]', async () => {
    const as = principal();
    const { id, agentId } = await happen(hive, 'step.1', { as, details: { path: 'a' } });
    for (const action of named(5).slice(1)) await happen(hive, action, { as });
    expect(await list('', { as })).toEqual({ items: [], nextCursor: null });
    await seal(hive, as.tenantId);
    const first = await list('?limit=2&total=true', { as });
    expect(first.items[0]).toEqual({
      sequence: 1, id, occurredAt: expect.any(String), action: 'step.1', subject: { type: 'agent', id: agentId }, risk: 'low', isComplete: true, actor: { type: 'service', id: null, name: 'test' },
      agentId, sessionId: null, previousState: null, newState: null, details: { path: 'a' }, requestId: expect.any(String),
    });
    expect([actions(first), first.total]).toEqual([['step.1', 'step.2'], 5]);
    const second = await list(`?limit=2&cursor=${first.nextCursor}`, { as });
    const third = await list(`?limit=2&cursor=${second.nextCursor}`, { as });
    expect([second, third].flatMap(actions)).toEqual(['step.3', 'step.4', 'step.5']);
    expect(third.nextCursor).toBeNull();
    expect((await list(`?limit=2&total=true&cursor=${first.nextCursor}`, { as })).total).toBe(5); // of all pages
    expect((await list('?after=3&total=true', { as })).items.map(({ sequence }) => sequence)).toEqual([4, 5]);
    await happenAll(hive, ['step.6'], { as });
    expect(actions(await list('?after=5', { as }))).toEqual(['step.6']);
  });

  it('is filtered by action, by noun, by several of them', async () => {
    const as = principal();
    await happenAll(hive, ['task.done', 'task.begun', 'tasks.x', 'agent.made', 'a b'], { as });
    const by = async (query: string) => actions(await list(`?${query}`, { as }));
    expect(await by('action=task.*')).toEqual(['task.done', 'task.begun']);
    expect(await by('action=task.done&action=agent.*')).toEqual(['task.done', 'agent.made']);
    expect(await by('action=*')).toHaveLength(5);
    expect(await by('action=a%20b')).toEqual(['a b']);
    expect(await by('action=task._one')).toEqual([]);
    expect((await list('?action=task.*&total=true', { as })).total).toBe(2);
  });

  it('goes through 10,000 events for those that match, and goes on from there', async () => {
    const as = principal();
    await happenAll(hive, ['rare.one'], { as });
    await hive.database.execute(hive.orm, `
      insert into audit.leaf (tenant_id, sequence, entry_id, occurred_at, action, subject_type, subject_id, payload_hash, leaf_hash, sealed_at)
      select '${as.tenantId}', n, gen_random_uuid(), now(), case n when 12000 then 'rare.two' else 'usual' end, 'agent', 'x', sha256('p'), sha256('l'), now() from generate_series(2, 12000) n`);
    const first = await list('?action=rare.*', { as });
    expect([actions(first), first.nextCursor]).toEqual([['rare.one'], expect.any(String)]);
    const second = await list(`?action=rare.*&cursor=${first.nextCursor}`, { as });
    expect([actions(second), second.nextCursor]).toEqual([['rare.two'], null]);
    // What the leaf still knows of an entry that is gone.
    expect(second.items[0]).toMatchObject({ sequence: 12_000, action: 'rare.two', subject: { type: 'agent', id: 'x' }, isComplete: false, actor: null, agentId: null, newState: null, details: null, requestId: null });
    const reader = await open('?after=0&action=rare.*', {}, { as });
    expect(await taken(reader, 2)).toEqual(['1:rare.one', '12000:rare.two']);
    await reader.close();
  });

  it('is a tenant\'s own, and needs the scope of the record', async () => {
    const as = principal();
    await happenAll(hive, ['mine.one']);
    expect(actions(await list('?action=mine.*'))).toEqual(['mine.one']);
    expect(await list('?action=mine.*', { as })).toEqual({ items: [], nextCursor: null });
    const reader = await open('?after=0', {}, { as });
    await happenAll(hive, ['mine.two']);
    await happenAll(hive, ['theirs.one'], { as });
    expect(await taken(reader, 1)).toEqual(['1:theirs.one']);
    await reader.close();
    const weak = { as: principal({ tenantId: hive.me.tenantId, scopes: ['tasks:read'] }) };
    expect([(await hive.get('/v1/events', weak)).status, (await hive.get('/v1/events/stream', weak)).status]).toEqual([403, 403]);
  });

  it('streams what is sealed from now on, or from a sequence on, to each reader what it asked for', async () => {
    const as = principal();
    await happenAll(hive, named(150), { as });
    const [live, all, some] = [await open('', {}, { as }), await open('?after=0', {}, { as }), await open('?after=0&action=late.*&action=step.9', {}, { as })];
    expect(await taken(all, 150)).toEqual(named(150).map((action, i) => `${i + 1}:${action}`));
    expect(await taken(some, 1)).toEqual(['9:step.9']);
    const started = Date.now();
    await happenAll(hive, ['step.151', 'late.1'], { as });
    expect(await taken(live, 2)).toEqual(['151:step.151', '152:late.1']);
    expect(await taken(all, 2)).toEqual(['151:step.151', '152:late.1']);
    expect(await taken(some, 1)).toEqual(['152:late.1']);
    expect(Date.now() - started).toBeLessThan(3_000);
    await Promise.all([live, all, some].map((reader) => reader.close()));
  });

  it('goes on after the last event that the reader has', async () => {
    const as = principal();
    await happenAll(hive, named(20), { as });
    for (const reader of [await open('', { 'last-event-id': '15' }, { as }), await open('?after=3', { 'last-event-id': '15' }, { as }), await open('?after=15', {}, { as })]) {
      expect(await taken(reader, 5)).toEqual(named(20).slice(15).map((action, i) => `${i + 16}:${action}`));
      await reader.close();
    }
  });

  it.each([
    ['rubbish', '', 'x'], ['a negative one', '', '-1'], ['a fraction', '', '1.5'], ['one of too many digits', '', '9'.repeat(16)], ['one in the future', '', '999999'], ['one in the future', '?after=999999', undefined], ['rubbish', '?after=x', undefined],
  ])('refuses a position that is %s (%s %s)', async (_, query, lastEventId) => {
    const answer = await hive.get<{ errors: { pointer: string }[] }>(`/v1/events/stream${query}`, { headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId } });
    expect([answer.status, [...new Set(answer.body.errors.map(({ pointer }) => pointer))]]).toEqual([422, [lastEventId === undefined ? '/after' : '/headers/last-event-id']]);
  });

  it.each(['action=*.done', 'action=task*', 'action=', 'action=a&action=a', `action=${'x'.repeat(101)}`, `action=${Array.from({ length: 21 }, (_, i) => `a${i}`).join('&action=')}`, 'after=-1', 'after=1.5', 'after=1e99', 'limit=0', 'cursor=abc', 'after=999999', 'colour=red'])(
    'refuses %s',
    async (query) => {
      expect((await hive.get(`/v1/events?${query}`)).status).toBe(422);
    },
  );

  it('is looked at once for all readers of a tenant, who hold nothing while they wait', async () => {
    const as = principal();
    await happenAll(hive, ['one'], { as });
    const readers = await Promise.all(Array.from({ length: 40 }, (_, i) => open(i % 2 === 0 ? '' : '?action=*', {}, { as })));
    await new Promise((resolve) => setTimeout(resolve, 200));
    let looks = 0;
    const connection = hive.orm.em.getConnection('write');
    const begin = connection.begin.bind(connection);
    connection.begin = (...args) => {
      looks++;
      return begin(...args);
    };
    try {
      await new Promise((resolve) => setTimeout(resolve, 2_100));
    } finally {
      connection.begin = begin;
    }
    expect(looks).toBeGreaterThanOrEqual(2);
    expect(looks).toBeLessThanOrEqual(6);
    await happenAll(hive, ['two'], { as });
    for (const reader of readers) expect(await taken(reader, 1)).toEqual(['2:two']);
    await Promise.all(readers.map((reader) => reader.close()));
    const watch = hive.app.get(FeedWatch, { strict: false });
    for (const end = Date.now() + 3_000; watch.size > 0; await new Promise((resolve) => setTimeout(resolve, 20))) if (Date.now() > end) throw new Error('readers are still watched');
  });

  (testEngine() === 'server' ? it : it.skip)('is the same in another server, and across its restart (needs a server: one process owns an embedded database) [S1.96]', async () => {
    const as = principal();
    let other = await anotherServer(hive);
    let reader = await open('?after=0', {}, { as, at: other });
    const seen: string[] = [];
    await happenAll(hive, named(30), { as });
    seen.push(...(await taken(reader, 30)));
    const [rest] = await Promise.all([reader.rest(), other.close()]);
    expect(rest.filter(({ id }) => id !== null)).toEqual([]);
    other = await anotherServer(hive);
    reader = await open('', { 'last-event-id': '30' }, { as, at: other });
    await happenAll(hive, ['late.1'], { as });
    seen.push(...(await taken(reader, 1)));
    expect(seen).toEqual([...named(30), 'late.1'].map((action, i) => `${i + 1}:${action}`));
    await reader.close();
    await other.close();
  });
});
