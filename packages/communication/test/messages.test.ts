import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeCursor, newId } from '@agent-hive/kernel';
import { principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { MESSAGE_ROLES, MESSAGE_TYPES, type MessageDto } from '../src/index.js';
import { anAgent, aSession, communicationApp, say, sayMany, shown } from './world.js';

interface Problem {
  status: number;
  code: string;
  errors?: { pointer: string; message: string }[];
  expectedSequence?: number;
  actualSequence?: number;
}

const MIB = 1024 * 1024;

describe('messages', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  const post = (session: { id: string }, body: unknown, request = {}) => hive.post<MessageDto & Problem & { items: MessageDto[] }>(`/v1/sessions/${session.id}/messages`, body, request);
  const read = (session: { id: string }) => hive.get(`/v1/sessions/${session.id}`);

  describe('appended', () => {
    it('are numbered from 1, and read back as they were said [S4.6, S4.61-S4.65, S4.68-S4.70, S3.72-S3.80, S3.155, S5.14, S5.32, S5.43]', async () => {
      const agent = await anAgent(hive);
      const session = await aSession(hive, { agentId: agent.id });
      const message = { role: 'agent', content: 'Grüße\n👋', messageType: 'code', tokensUsed: 7, modelUsed: 'm-1', toolCalls: [{ name: 'f', arguments: { b: 1, a: [2] } }], toolOutputs: [{ ok: true }], channelPayload: { thread: 'T1' }, messageMetadata: { n: 1 } };
      const first = await post(session, message);
      expect(first.status).toBe(201);
      expect(first.headers.get('location')).toBe(`/v1/messages/${first.body.id}`);
      expect(first.body).toMatchObject({ ...message, sessionId: session.id, sequence: 1, parentMessageId: null, feedback: null, redactedAt: null });
      expect(first.body.contentDigest).toBe(createHash('sha256').update(message.content).digest('hex'));
      expect((await hive.get(`/v1/messages/${first.body.id}`)).body).toEqual(first.body);
      const second = await say(hive, session, 'plain');
      expect(second).toMatchObject({ sequence: 2, messageType: 'text', tokensUsed: null, modelUsed: null, toolCalls: null, toolOutputs: null, channelPayload: {}, messageMetadata: {}, payloadDigest: null });
      expect((await hive.get<{ items: object[] }>(`/v1/sessions/${session.id}/messages`)).body.items).toEqual([second, first.body]);
      expect((await read(session)).body).toMatchObject({ lastSequence: 2, messageCount: 2, tokensUsed: 7, lastMessageAt: second.createdAt, version: 1 });
    });

    it('take every role and type, and assistant for agent [S4.64, S4.66, S3.75]', async () => {
      const session = await aSession(hive);
      for (const role of MESSAGE_ROLES) expect(await say(hive, session, 'x', { role })).toMatchObject({ role });
      for (const messageType of MESSAGE_TYPES) expect(await say(hive, session, 'x', { messageType })).toMatchObject({ messageType });
      expect(await say(hive, session, 'x', { role: 'assistant' })).toMatchObject({ role: 'agent' });
      expect(await say(hive, session, '', { role: 'agent', toolCalls: [{ name: 'f' }] })).toMatchObject({ content: '' });
    });

    it('leave an entry of the record by reference and digest, without what was said', async () => {
      const agent = await anAgent(hive);
      const session = await aSession(hive, { agentId: agent.id });
      const message = await say(hive, session, 'a secret', { messageMetadata: { also: 'secret' } });
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectType=message&subjectId=${message.id}`);
      expect(body.items).toMatchObject([{ action: 'message.created', sessionId: session.id, agentId: agent.id, actor: { name: 'test' }, newState: { sequence: 1, role: 'user', contentDigest: message.contentDigest, payloadDigest: message.payloadDigest } }]);
      expect(JSON.stringify(body)).not.toContain('a secret');
      expect(JSON.stringify(body)).not.toContain('also');
    });

    it('as a list go in together, in their order', async () => {
      const session = await aSession(hive);
      await say(hive, session, 'before');
      const { body } = await post(session, [{ role: 'user', content: 'a', tokensUsed: 1 }, { role: 'agent', content: 'b', tokensUsed: 2, channelPayload: { c: 1 } }, { role: 'tool', content: 'c' }]);
      expect(body.items.map(({ sequence, content }) => `${sequence}:${content}`)).toEqual(['2:a', '3:b', '4:c']);
      expect((await hive.get<{ items: MessageDto[] }>(`/v1/sessions/${session.id}/messages?after=1`)).body.items).toEqual(body.items);
      expect((await read(session)).body).toMatchObject({ lastSequence: 4, tokensUsed: 3 });
    });

    it.each([
      ['an unknown role', { role: 'wizard', content: 'x' }, '/role'],
      ['no role', { content: 'x' }, '/role'],
      ['an unknown type', { role: 'user', content: 'x', messageType: 'poem' }, '/messageType'],
      ['no content', { role: 'user' }, '/content'],
      ['empty content', { role: 'user', content: '' }, '/content'],
      ['an unknown field', { role: 'user', content: 'x', colour: 'red' }, '/colour'],
      ['negative tokens', { role: 'user', content: 'x', tokensUsed: -1 }, '/tokensUsed'],
      ['a payload that is no object', { role: 'user', content: 'x', channelPayload: [1] }, '/channelPayload'],
      ['tool calls that are no objects', { role: 'user', content: 'x', toolCalls: ['f'] }, '/toolCalls'],
      ['a parent that is nowhere', { role: 'user', content: 'x', parentMessageId: newId() }, '/parentMessageId'],
    ])('are refused with %s: alone and in a list, of which none is kept [S5.45]', async (_, body, pointer) => {
      const session = await aSession(hive);
      expect((await post(session, body)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
      const list = await post(session, [{ role: 'user', content: 'good' }, body, { role: 'user', content: 'good' }]);
      expect(list.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: `/1${pointer}` })]) });
      expect((await read(session)).body).toMatchObject({ lastSequence: 0 });
      expect(await shown(hive, session)).toEqual([]);
    });

    it('are refused as an empty list, as one of too many, and as what is neither', async () => {
      const session = await aSession(hive);
      for (const body of [[], Array(1_001).fill({ role: 'user', content: 'x' }), [[]], [null], 'x', null, 5]) expect((await hive.request('POST', `/v1/sessions/${session.id}/messages`, { body: JSON.stringify(body) })).status).toBe(422);
    });

    it('have at most 1 MiB of content as UTF-8, in a body of at most 2 MiB', async () => {
      const session = await aSession(hive);
      const largest = 'ü'.repeat(MIB / 2);
      const kept = await say(hive, session, largest);
      expect((await hive.get<MessageDto>(`/v1/messages/${kept.id}`)).body.content).toBe(largest);
      expect((await post(session, { role: 'user', content: `${largest}.` })).body).toMatchObject({ status: 422, errors: [{ pointer: '/content', message: expect.stringContaining(`${MIB}`) }] });
      expect((await post(session, { role: 'user', content: 'x'.repeat(2 * MIB) })).body).toMatchObject({ status: 413, limitBytes: 2 * MIB });
    });

    it('have a limit that can be another', async () => {
      const small = await communicationApp({ messageMaxBytes: 1024 });
      const session = await aSession(small);
      await say(small, session, 'x'.repeat(1024));
      expect((await small.post(`/v1/sessions/${session.id}/messages`, { role: 'user', content: 'x'.repeat(1025) })).status).toBe(422);
      await small.close();
    });
  });

  describe('under an expected sequence', () => {
    it('go in when the session is there, and are told where it is when not', async () => {
      const session = await aSession(hive);
      expect(await say(hive, session, 'a', { expectedSequence: 0 })).toMatchObject({ sequence: 1 });
      expect((await post(session, { role: 'user', content: 'late', expectedSequence: 0 })).body).toMatchObject({ status: 409, code: 'sequence-conflict', expectedSequence: 0, actualSequence: 1 });
      const { body } = await post(session, [{ role: 'user', content: 'b', expectedSequence: 1 }, { role: 'user', content: 'c' }]);
      expect(body.items.map(({ sequence }) => sequence)).toEqual([2, 3]);
      expect((await post(session, [{ role: 'user', content: 'd' }, { role: 'user', content: 'e', expectedSequence: 4 }])).body).toMatchObject({ status: 422, errors: [{ pointer: '/1/expectedSequence' }] });
    });

    it('let one of 10 writers at once in', async () => {
      const session = await aSession(hive);
      await say(hive, session, 'first');
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => post(session, { role: 'user', content: `${n}`, expectedSequence: 1 })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
      for (const { status, body } of answers) if (status === 409) expect(body).toMatchObject({ code: 'sequence-conflict', actualSequence: 2 });
    });
  });

  describe('into a session', () => {
    it('that has ended, is paused or is over by time are refused [S4.137]', async () => {
      for (const [state, code] of [['completed', 'session-ended'], ['terminated', 'session-ended'], ['paused', 'session-paused']]) {
        const session = await aSession(hive);
        await hive.patch(`/v1/sessions/${session.id}`, { state }, { headers: { 'if-match': '*' } });
        expect((await post(session, { role: 'user', content: 'x' })).body).toMatchObject({ status: 409, code, state });
        expect((await post(session, [{ role: 'user', content: 'x' }])).body).toMatchObject({ status: 409, code });
      }
      const short = await aSession(hive, { expiresAt: new Date(Date.now() + 100).toISOString() });
      await say(hive, short, 'in time');
      await pause(150);
      expect((await post(short, { role: 'user', content: 'late' })).body).toMatchObject({ status: 409, code: 'session-ended', state: 'expired' });
      expect(await shown(hive, short)).toEqual(['1:in time']);
    });

    it('that ends meanwhile are either before its end or refused', async () => {
      for (let i = 0; i < 10; i++) {
        const session = await aSession(hive);
        const [ended, ...answers] = await Promise.all([hive.patch(`/v1/sessions/${session.id}`, { state: 'completed' }, { headers: { 'if-match': '*' } }), ...Array.from({ length: 5 }, () => post(session, { role: 'user', content: 'x' }))]);
        expect(ended.status).toBe(200);
        const kept = answers.filter(({ status }) => status === 201).length;
        expect((await read(session)).body).toMatchObject({ state: 'completed', lastSequence: kept });
        for (const { status, body } of answers) if (status !== 201) expect(body.code).toBe('session-ended');
      }
    });

    it('of another agent are refused, and into that of nobody are not', async () => {
      const [mine, theirs] = [await anAgent(hive), await anAgent(hive)];
      const as = { ...hive.me, actor: { type: 'agent' as const, id: mine.id, name: 'agent' } };
      expect((await post(await aSession(hive, { agentId: theirs.id }), { role: 'agent', content: 'x' }, { as })).body).toMatchObject({ status: 403, code: 'not-yours' });
      await say(hive, await aSession(hive), 'x', {}, { as });
      await say(hive, await aSession(hive, { agentId: mine.id }), 'x', {}, { as });
    });

    it('that is nowhere, or another tenant\'s, are refused alike', async () => {
      const session = await aSession(hive);
      const message = await say(hive, session, 'x');
      const as = principal();
      expect((await post({ id: newId() }, { role: 'user', content: 'x' })).body).toMatchObject({ status: 404, code: 'not-found' });
      expect((await post(session, { role: 'user', content: 'x' }, { as })).body).toMatchObject({ status: 404 });
      expect((await hive.get(`/v1/sessions/${session.id}/messages`, { as })).status).toBe(404);
      expect((await hive.get(`/v1/sessions/${session.id}/messages/stream`, { as })).status).toBe(404);
      expect((await hive.get(`/v1/messages/${message.id}`, { as })).status).toBe(404);
      expect((await post(await aSession(hive, {}, { as }), { role: 'user', content: 'x', parentMessageId: message.id }, { as })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parentMessageId' }] });
    });
  });

  describe('that answer others', () => {
    it('name one of the same session, and are found by it [S4.67]', async () => {
      const session = await aSession(hive);
      const asked = await say(hive, session, 'asked');
      await say(hive, session, 'aside');
      const answers = [await say(hive, session, 'one', { parentMessageId: asked.id }), await say(hive, session, 'two', { parentMessageId: asked.id })];
      expect(answers).toMatchObject([{ parentMessageId: asked.id }, { parentMessageId: asked.id }]);
      expect(await shown(hive, session, `parentMessageId=${asked.id}`)).toEqual(['4:two', '3:one']);
      const other = await aSession(hive);
      expect((await post(other, { role: 'user', content: 'x', parentMessageId: asked.id })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parentMessageId', message: expect.stringContaining(asked.id) }] });
    });
  });

  describe('read', () => {
    it('are the newest first, before a sequence, or those after one, oldest first', async () => {
      const session = await aSession(hive);
      await sayMany(hive, session, 30);
      const sequences = async (query: string) => (await shown(hive, session, query)).map((text) => Number(text.split(':')[0]));
      const range = (from: number, to: number) => Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => (to > from ? from + i : from - i));
      expect(await sequences('')).toEqual(range(30, 11));
      expect(await sequences('limit=5&before=11')).toEqual(range(10, 6));
      expect(await sequences('limit=5&after=10')).toEqual(range(11, 15));
      expect(await sequences('after=27&limit=100')).toEqual(range(28, 30));
      expect(await sequences('after=10&before=13')).toEqual([11, 12]);
      expect(await sequences('before=1')).toEqual([]);
      expect(await sequences('after=30')).toEqual([]);
      const more = async (query: string) => (await hive.get(`/v1/sessions/${session.id}/messages?${query}`)).body.nextCursor !== null;
      expect([await more('limit=29'), await more('limit=30'), await more('after=25&limit=5'), await more('after=25&limit=4')]).toEqual([true, false, false, true]);
      for (const query of ['limit=0', 'limit=101', 'before=x', 'after=-1', 'colour=red', 'cursor=x', `cursor=${encodeCursor(['newest', 'x'])}`, `cursor=${encodeCursor(['sideways', 1])}`]) expect((await hive.get(`/v1/sessions/${session.id}/messages?${query}`)).status).toBe(422);
    });

    it('are the latest 50 of 10,000 within 100 ms [S4.136]', async () => {
      const session = await aSession(hive);
      for (let i = 0; i < 10; i++) await sayMany(hive, session, 1_000);
      const millis: number[] = [];
      for (let i = 0; i < 60; i++) {
        const started = performance.now();
        const { body } = await hive.get<{ items: MessageDto[] }>(`/v1/sessions/${session.id}/messages?limit=50`);
        millis.push(performance.now() - started);
        expect([body.items.length, body.items[0]!.sequence, body.items[49]!.sequence]).toEqual([50, 10_000, 9_951]);
      }
      expect(millis.sort((a, b) => a - b)[Math.floor(millis.length * 0.95)]).toBeLessThan(100);
    });

    it('come in pages of a few MiB, of which each goes on where the one before ended', async () => {
      const session = await aSession(hive);
      for (let i = 0; i < 10; i++) await say(hive, session, `${i}`.padEnd(MIB - 10, 'x'));
      const seen: number[] = [];
      for (let [query, pages]: [string | null, number] = ['', 0]; query !== null; pages++) {
        const { body }: { body: { items: MessageDto[]; nextCursor: string | null } } = await hive.get(`/v1/sessions/${session.id}/messages?limit=100${query}`);
        expect(body.items.length).toBeLessThanOrEqual(5);
        seen.push(...body.items.map(({ sequence }) => sequence));
        query = body.nextCursor && `&cursor=${body.nextCursor}`;
        expect(pages).toBeLessThan(5);
      }
      expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    });
  });

  it('of 20 writers at once are numbered without a gap and none twice', async () => {
    const [writers, each] = testEngine() === 'server' ? [20, 100] : [20, 15];
    const session = await aSession(hive);
    const given: number[] = [];
    const writer = async () => {
      for (let i = 0; i < each; i++) given.push((await say(hive, session, `${i}`)).sequence);
    };
    await Promise.all(Array.from({ length: writers }, writer));
    const wanted = Array.from({ length: writers * each }, (_, i) => i + 1);
    expect(given.sort((a, b) => a - b)).toEqual(wanted);
    const stored = await hive.database.execute<{ sequence: string }>(hive.orm, `select sequence from communication.message where session_id = '${session.id}' order by sequence`);
    expect(stored.map((row) => Number(row.sequence))).toEqual(wanted);
    expect((await read(session)).body).toMatchObject({ lastSequence: writers * each });
    const [entries] = await hive.database.execute<{ count: string }>(hive.orm, `select count(*) as count from audit.entry where session_id = '${session.id}' and action = 'message.created'`);
    expect(Number(entries!.count)).toBe(writers * each);
  });

  it('cost tokens, which are told by model', async () => {
    const session = await aSession(hive);
    for (const [modelUsed, tokensUsed] of [['small', 5], ['large', 100], ['small', 7], [null, 1], ['large', null]] as const) await say(hive, session, 'x', { modelUsed, tokensUsed });
    expect((await hive.get(`/v1/sessions/${session.id}/usage`)).body).toEqual({
      sessionId: session.id, messageCount: 5, tokensUsed: 113,
      models: [{ model: 'large', messageCount: 2, tokensUsed: 100 }, { model: 'small', messageCount: 2, tokensUsed: 12 }, { model: null, messageCount: 1, tokensUsed: 1 }],
    });
    expect((await hive.get(`/v1/sessions/${(await aSession(hive)).id}/usage`)).body).toMatchObject({ messageCount: 0, tokensUsed: 0, models: [] });
    expect((await hive.get(`/v1/sessions/${newId()}/usage`)).status).toBe(404);
  });
});
