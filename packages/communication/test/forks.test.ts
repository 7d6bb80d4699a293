import { newId } from '@agent-hive/kernel';
import { principal, readEvents, type TestApp } from '@agent-hive/kernel/testing';
import type { SessionDto } from '@agent-hive/agents';
import type { MessageDto } from '../src/index.js';
import { anAgent, aSession, communicationApp, say, sayMany, shown } from './world.js';

describe('forks', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  const fork = (session: { id: string }, body: object = {}, request = {}) => hive.post<SessionDto & { code: string; errors: object[] }>(`/v1/sessions/${session.id}/fork`, body, request);
  const stored = async () => Number((await hive.database.execute<{ count: string }>(hive.orm, `select count(*) as count from communication.message where tenant_id = '${hive.me.tenantId}'`))[0]!.count);

  it('share what was said until then, copy nothing, and go on by themselves', async () => {
    const agent = await anAgent(hive);
    const session = await aSession(hive, { agentId: agent.id, name: 'talk', context: { topic: 'x' }, trustLevel: 'L2' });
    await sayMany(hive, session, 5);
    const before = await stored();
    const made = await fork(session, { sequence: 3, externalId: newId() });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/v1/sessions/${made.body.id}`);
    expect(made.body).toMatchObject({ forkedFrom: { sessionId: session.id, sequence: 3 }, agentId: agent.id, name: 'talk', context: { topic: 'x' }, trustLevel: 'L2', lastSequence: 3, messageCount: 3, tokensUsed: 0 });
    expect(await stored()).toBe(before);
    expect(await shown(hive, made.body)).toEqual(['3:3', '2:2', '1:1']);
    expect(await say(hive, made.body, 'own')).toMatchObject({ sequence: 4, sessionId: made.body.id });
    await say(hive, session, 'theirs');
    expect(await shown(hive, made.body)).toEqual(['4:own', '3:3', '2:2', '1:1']);
    expect(await shown(hive, session)).toEqual(['6:theirs', '5:5', '4:4', '3:3', '2:2', '1:1']);
    expect((await hive.get(`/v1/sessions/${made.body.id}/usage`)).body).toMatchObject({ messageCount: 1 });
  });

  it('of forks read through all of them, in pages either way', async () => {
    const first = await aSession(hive);
    await sayMany(hive, first, 10);
    const second = (await fork(first, { sequence: 7 })).body;
    for (const text of ['b8', 'b9', 'b10', 'b11', 'b12']) await say(hive, second, text);
    const third = (await fork(second, { sequence: 10 })).body;
    for (const text of ['c11', 'c12', 'c13']) await say(hive, third, text);
    const early = (await fork(third, { sequence: 5 })).body;
    expect(third.forkedFrom).toEqual({ sessionId: second.id, sequence: 10 });
    expect(early.forkedFrom).toEqual({ sessionId: first.id, sequence: 5 }); // there, and not at what lies between
    const all = ['1:1', '2:2', '3:3', '4:4', '5:5', '6:6', '7:7', '8:b8', '9:b9', '10:b10', '11:c11', '12:c12', '13:c13'];
    expect(await shown(hive, third)).toEqual([...all].reverse());
    expect(await shown(hive, third, 'after=0&limit=100')).toEqual(all);
    for (const limit of [1, 2, 3, 5, 13]) {
      const [back, on]: [string[], string[]] = [[], []];
      for (const [into, from] of [[back, 'before=14'], [on, 'after=0']] as const) {
        for (let query: string | null = from; query !== null; ) {
          const { body }: { body: { items: MessageDto[]; nextCursor: string | null } } = await hive.get(`/v1/sessions/${third.id}/messages?limit=${limit}&${query}`);
          into.push(...body.items.map((m) => `${m.sequence}:${m.content}`));
          query = body.nextCursor && `${from}&cursor=${body.nextCursor}`;
        }
      }
      expect([limit, back]).toEqual([limit, [...all].reverse()]);
      expect([limit, on]).toEqual([limit, all]);
    }
    expect(await shown(hive, third, 'after=6&before=12')).toEqual(all.slice(6, 11));
    expect(await shown(hive, early)).toEqual(['5:5', '4:4', '3:3', '2:2', '1:1']);
  });

  it('are streamed from what they share to their own', async () => {
    const session = await aSession(hive);
    await sayMany(hive, session, 4);
    const made = (await fork(session, { sequence: 2 })).body;
    await say(hive, made, 'own');
    const reader = await readEvents<MessageDto>(hive, `/v1/sessions/${made.id}/messages/stream`);
    expect((await reader.take(3)).map(({ id, data }) => `${id}:${data!.content}`)).toEqual(['1:1', '2:2', '3:own']);
    await reader.close();
  });

  it('answer what they share and what is their own, and nothing that was said after', async () => {
    const session = await aSession(hive);
    const messages = await sayMany(hive, session, 4);
    const made = (await fork(session, { messageId: messages[1]!.id })).body;
    expect(made).toMatchObject({ lastSequence: 2 });
    const answer = await say(hive, made, 'to 2', { parentMessageId: messages[1]!.id });
    await say(hive, made, 'to own', { parentMessageId: answer.id });
    expect((await hive.post(`/v1/sessions/${made.id}/messages`, { role: 'user', content: 'x', parentMessageId: messages[2]!.id })).status).toBe(422);
    expect((await hive.post(`/v1/sessions/${session.id}/messages`, { role: 'user', content: 'x', parentMessageId: answer.id })).status).toBe(422);
  });

  it('branch off from the last message when nothing is said, from ended sessions too', async () => {
    const session = await aSession(hive);
    await sayMany(hive, session, 2);
    await hive.patch(`/v1/sessions/${session.id}`, { state: 'completed' }, { headers: { 'if-match': '*' } });
    expect((await fork(session)).body).toMatchObject({ state: 'active', lastSequence: 2 });
  });

  it('are refused where there is no message, and in another tenant', async () => {
    const session = await aSession(hive);
    expect((await fork(session)).body).toMatchObject({ status: 422, errors: [{ pointer: '/sequence' }] });
    const message = await say(hive, session, 'x');
    expect((await fork(session, { sequence: 2 })).body).toMatchObject({ status: 422, errors: [{ pointer: '/sequence', message: 'must be 1 to 1' }] });
    expect((await fork(session, { sequence: 2, messageId: message.id })).status).toBe(422);
    expect((await fork(session, { messageId: newId() })).status).toBe(404);
    expect((await fork(await aSession(hive), { messageId: message.id })).status).toBe(404);
    expect((await fork(session, {}, { as: principal() })).status).toBe(404);
    expect((await fork({ id: newId() })).status).toBe(404);
  });
});
