import { readEvents, testEngine, type EventReader, type TestApp } from '@agent-hive/kernel/testing';
import type { MessageDto } from '../src/index.js';
import { SessionWatch } from '../src/message/session-watch.service.js';
import { anotherServer, aSession, communicationApp, say, sayMany } from './world.js';

describe('the stream of a session', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  const open = (session: { id: string }, query = '', headers: Record<string, string> = {}, at: Pick<TestApp, 'baseUrl' | 'me'> = hive) =>
    readEvents<MessageDto>(at, `/v1/sessions/${session.id}/messages/stream${query}`, { headers });
  const texts = async (reader: EventReader<MessageDto>, count: number) => (await reader.take(count)).map(({ id, data }) => `${id}:${data!.content}`);

  it('gives what was said, then what is said, as it is read elsewhere', async () => {
    const session = await aSession(hive);
    const first = await say(hive, session, 'a', { channelPayload: { x: 1 }, tokensUsed: 3 });
    const reader = await open(session);
    expect(await reader.take(1)).toEqual([{ id: '1', data: first, comment: null }]);
    const started = Date.now();
    const [next] = await Promise.all([texts(reader, 3), sayMany(hive, session, 3)]);
    expect(next).toEqual(['2:1', '3:2', '4:3']);
    expect(Date.now() - started).toBeLessThan(450); // by the process's own word, not by the poller's
    await reader.close();
  });

  it('goes on after the last event that the reader has, by header or by query', async () => {
    const session = await aSession(hive);
    await sayMany(hive, session, 250);
    const rest = Array.from({ length: 240 }, (_, i) => `${i + 11}:${i + 11}`);
    for (const reader of [await open(session, '', { 'last-event-id': '10' }), await open(session, '?after=10'), await open(session, '?after=200', { 'last-event-id': '10' })]) {
      expect(await texts(reader, 240)).toEqual(rest);
      await reader.close();
    }
  });

  it('refuses what is no position', async () => {
    const session = await aSession(hive);
    for (const id of ['x', '-1', '1.5', '9'.repeat(16)]) expect((await hive.get(`/v1/sessions/${session.id}/messages/stream`, { headers: { 'last-event-id': id } })).status).toBe(422);
    expect((await hive.get(`/v1/sessions/${session.id}/messages/stream?after=x`)).status).toBe(422);
  });

  it('gives large messages in the same order, and each to every reader', async () => {
    const session = await aSession(hive);
    const readers = await Promise.all(Array.from({ length: 20 }, () => open(session)));
    const reading = readers.map((reader) => reader.take(12));
    for (let i = 0; i < 12; i++) await say(hive, session, `${i}`.padEnd(300_000, 'x'));
    for (const events of await Promise.all(reading)) expect(events.map(({ id }) => Number(id))).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    await Promise.all(readers.map((reader) => reader.close()));
  });

  it('leaves nothing behind of readers that are gone', async () => {
    const watch = hive.app.get(SessionWatch, { strict: false });
    for (const end = Date.now() + 3_000; watch.size > 0; await new Promise((resolve) => setTimeout(resolve, 20))) if (Date.now() > end) throw new Error('readers are still watched');
  });

  (testEngine() === 'server' ? it : it.skip)('is the same in another server, across its restart (needs a server: one process owns an embedded database)', async () => {
    const session = await aSession(hive);
    let other = await anotherServer(hive);
    const seen: string[] = [];
    let reader = await open(session, '', {}, other);
    const writing = (async () => {
      for (let i = 1; i <= 60; i++) await say(hive, session, `${i}`);
    })();
    seen.push(...(await texts(reader, 25)));
    const [rest] = await Promise.all([reader.rest(), other.close()]); // it ends the stream on its way out
    seen.push(...rest.filter(({ id }) => id !== null).map(({ id, data }) => `${id}:${data!.content}`));
    other = await anotherServer(hive);
    reader = await open(session, '', { 'last-event-id': String(seen.length) }, other);
    seen.push(...(await texts(reader, 60 - seen.length)));
    await writing;
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}:${i + 1}`));
    const started = Date.now();
    const [late] = await Promise.all([texts(reader, 1), say(hive, session, 'late')]);
    expect(late).toEqual(['61:late']);
    expect(Date.now() - started).toBeLessThan(1_500);
    await reader.close();
    await other.close();
  });
});
