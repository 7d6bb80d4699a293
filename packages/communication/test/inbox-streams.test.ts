import { newId } from '@agent-hive/kernel';
import { readEvents, testEngine, type EventReader, type TestApp } from '@agent-hive/kernel/testing';
import type { AnnouncedDto } from '../src/delivery/delivery.dto.js';
import { anAgent, anotherServer, by, communicationApp, receive, send, shutDown, write } from './mail-world.js';

describe('the stream of an inbox', () => {
  let hive: TestApp;
  let ann: { id: string };
  let bob: { id: string };
  beforeAll(async () => {
    hive = await communicationApp();
  });
  beforeEach(async () => {
    [ann, bob] = [await anAgent(hive), await anAgent(hive)];
  });
  afterAll(() => hive.close());

  const open = (agent = bob, headers: Record<string, string> = {}, at: Pick<TestApp, 'baseUrl' | 'me'> = hive) => readEvents<AnnouncedDto>(at, `/v1/agents/${agent.id}/inbox/stream`, { headers });
  const say = (content: unknown) => send(hive, ann, { toAgentId: bob.id, content });
  const texts = async (reader: EventReader<AnnouncedDto>, count: number) => (await reader.take(count)).map(({ id, data }) => `${id}:${String(data!.message!.content)}`);

  it('tells what waits, then what comes, without handing it out', async () => {
    const sent = await say('a');
    const reader = await open();
    const [first] = await reader.take(1);
    expect(first).toMatchObject({ id: '1', data: { messageId: sent.id, state: 'pending', attempt: 0, message: { id: sent.id, content: 'a' } } });
    const next = texts(reader, 2);
    await say('b');
    await say('c');
    const started = Date.now();
    expect(await next).toEqual(['2:b', '3:c']);
    expect(Date.now() - started).toBeLessThan(450); // by the process's own word, not by looking again
    await reader.close();
    expect(await receive(hive, bob)).toHaveLength(3);
  });

  it('goes on after the last event that the reader has, each delivery once', async () => {
    for (let i = 1; i <= 120; i++) await say(i);
    const reader = await open();
    expect(await texts(reader, 120)).toEqual(Array.from({ length: 120 }, (_, i) => `${i + 1}:${i + 1}`));
    await reader.close();
    await say('later');
    const again = await open(bob, { 'last-event-id': '118' });
    expect(await texts(again, 3)).toEqual(['119:119', '120:120', '121:later']);
    await again.close();
  });

  it('begins, for a reader that has nothing yet, with the oldest that has not ended', async () => {
    for (const content of ['a', 'b']) await say(content);
    const before = await open();
    await before.take(2);
    await before.close();
    const [first] = await receive(hive, bob, '?limit=1');
    await write(hive, first!, 'acknowledgement');
    const reader = await open();
    expect(await texts(reader, 1)).toEqual(['2:b']);
    await reader.close();
    await new Promise((resolve) => setTimeout(resolve, 200)); // until the server knows that nobody reads
    // What was acknowledged before any stream came to it is not told of.
    await say('c');
    for (const item of await receive(hive, bob)) await write(hive, item, 'acknowledgement');
    await say('d');
    const late = await open();
    expect(await texts(late, 1)).toEqual(['3:d']);
    await late.close();
  });

  it('gives the same to every reader, and passes nothing that is committed late', async () => {
    const readers = await Promise.all(Array.from({ length: 10 }, () => open()));
    const reading = Promise.all(readers.map((reader) => reader.take(40)));
    await Promise.all(Array.from({ length: 40 }, (_, i) => send(hive, ann, { toAgentId: bob.id, content: i }, i % 4 === 0 ? { headers: { 'idempotency-key': newId() } } : {})));
    const [first, ...others] = (await reading).map((events) => events.map(({ id, data }) => `${id}:${data!.id}`));
    expect(new Set(first!.map((event) => event.split(':')[1])).size).toBe(40);
    for (const other of others) expect(other).toEqual(first);
    await Promise.all(readers.map((reader) => reader.close()));
  });

  it('is refused to other agents, to one that is shut down, and after what is no event of it', async () => {
    const path = `/v1/agents/${bob.id}/inbox/stream`;
    expect(await hive.get(path, by(hive, ann))).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    for (const id of ['x', '-1', '9'.repeat(16)]) expect((await hive.get(path, { headers: { 'last-event-id': id } })).status).toBe(422);
    expect((await hive.get(`/v1/agents/${newId()}/inbox/stream`)).status).toBe(404);
    await shutDown(hive, bob);
    expect(await hive.get(path)).toMatchObject({ status: 409, body: { code: 'agent-shutdown' } });
  });

  (testEngine() === 'server' ? describe : describe.skip)('from another process (needs a server: the embedded engine has one process)', () => {
    it('goes on where the first one ended, and tells within a second of what comes by way of the first', async () => {
      for (const content of ['a', 'b', 'c']) await say(content);
      const reader = await open();
      expect(await texts(reader, 2)).toEqual(['1:a', '2:b']);
      await reader.close();
      const other = await anotherServer(hive);
      const next = await open(bob, { 'last-event-id': '2' }, other);
      expect(await texts(next, 1)).toEqual(['3:c']);
      const started = Date.now();
      await say('d');
      expect(await texts(next, 1)).toEqual(['4:d']);
      expect(Date.now() - started).toBeLessThan(1_000);
      await next.close();
      await other.close();
    });
  });
});
