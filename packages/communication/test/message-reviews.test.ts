import { createHash } from 'node:crypto';
import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { SessionDto } from '@agent-hive/agents';
import type { MessageDto } from '../src/index.js';
import { aSession, communicationApp, say, sayMany, shown } from './world.js';

interface Found {
  items: MessageDto[];
  nextCursor: string | null;
}

describe('what is done with messages after they were said', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  const search = async (query: Record<string, string>, request = {}) => (await hive.get<Found>(`/v1/messages/search?${new URLSearchParams(query).toString()}`, request)).body;
  const contents = async (query: Record<string, string>, request = {}) => (await search(query, request)).items.map(({ content }) => content);

  describe('feedback', () => {
    it('is given, changed, and kept in the record with what was before', async () => {
      const message = await say(hive, await aSession(hive), 'x');
      const first = await hive.put<MessageDto>(`/v1/messages/${message.id}/feedback`, { feedback: 'rejected', comment: 'wrong' });
      expect(first.body).toMatchObject({ id: message.id, content: 'x', feedback: 'rejected', feedbackComment: 'wrong', feedbackAt: expect.any(String) });
      expect((await hive.put(`/v1/messages/${message.id}/feedback`, { feedback: 'approved' })).body).toMatchObject({ feedback: 'approved', feedbackComment: null });
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${message.id}&action=message.judged`);
      expect(body.items).toMatchObject([
        { sessionId: message.sessionId, previousState: { feedback: 'rejected', comment: 'wrong' }, newState: { feedback: 'approved', comment: null } },
        { previousState: { feedback: null, comment: null }, newState: { feedback: 'rejected', comment: 'wrong' } },
      ]);
    });

    it('is one of a list, and about a message of the tenant', async () => {
      const message = await say(hive, await aSession(hive), 'x');
      expect((await hive.put(`/v1/messages/${message.id}/feedback`, { feedback: 'meh' })).status).toBe(422);
      expect((await hive.put(`/v1/messages/${newId()}/feedback`, { feedback: 'approved' })).status).toBe(404);
      expect((await hive.put(`/v1/messages/${message.id}/feedback`, { feedback: 'approved' }, { as: principal() })).status).toBe(404);
    });
  });

  describe('redaction', () => {
    it('takes away what was said, for everybody, and keeps the proof and the place', async () => {
      const session = await aSession(hive);
      await sayMany(hive, session, 1);
      const word = `word${Date.now()}`;
      const message = await say(hive, session, `my ${word}`, { role: 'tool', toolOutputs: [{ z: 1, a: word }], channelPayload: { thread: word }, messageMetadata: { word } });
      const redacted = await hive.put<MessageDto>(`/v1/messages/${message.id}/redaction`, { reason: 'personal data' });
      expect(redacted.status).toBe(200);
      expect(redacted.body).toMatchObject({
        content: null, toolCalls: null, toolOutputs: null, channelPayload: {}, messageMetadata: {}, redactionReason: 'personal data', redactedAt: expect.any(String), sequence: 2,
        contentDigest: createHash('sha256').update(`my ${word}`).digest('hex'),
        payloadDigest: createHash('sha256').update(`{"channelPayload":{"thread":"${word}"},"messageMetadata":{"word":"${word}"},"toolCalls":null,"toolOutputs":[{"a":"${word}","z":1}]}`).digest('hex'),
      });
      expect((await hive.get(`/v1/messages/${message.id}`)).body).toEqual(redacted.body);
      expect(await shown(hive, session)).toEqual(['2:null', '1:1']);
      expect(await contents({ q: word })).toEqual([]);
      const kept = await hive.database.execute(hive.orm, `select 1 from communication.message m where m::text like '%${word}%' union all select 1 from audit.entry e where e::text like '%${word}%'`);
      expect(kept).toEqual([]);
      const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${message.id}&action=message.redacted`);
      expect(body.items).toMatchObject([{ sessionId: session.id, previousState: { contentDigest: message.contentDigest, payloadDigest: message.payloadDigest }, newState: { reason: 'personal data' } }]);
    });

    it('happens once: the first reason stays', async () => {
      const message = await say(hive, await aSession(hive), 'x');
      const answers = await Promise.all(['a', 'b', 'c'].map((reason) => hive.put<MessageDto>(`/v1/messages/${message.id}/redaction`, { reason })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(new Set(answers.map(({ body }) => body.redactionReason)).size).toBe(1);
      expect((await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${message.id}&action=message.redacted`)).body.items).toHaveLength(1);
    });

    it('needs a reason and a scope of its own, and is about a message of the tenant', async () => {
      const message = await say(hive, await aSession(hive), 'x');
      expect((await hive.put(`/v1/messages/${message.id}/redaction`, {})).status).toBe(422);
      const as = { ...hive.me, scopes: ['messages:read', 'messages:write'] };
      expect((await hive.put(`/v1/messages/${message.id}/redaction`, { reason: 'r' }, { as })).body).toMatchObject({ status: 403, code: 'missing-scope' });
      for (const [id, request] of [[newId(), {}], [message.id, { as: principal() }]] as const) expect((await hive.put(`/v1/messages/${id}/redaction`, { reason: 'r' }, request)).status).toBe(404);
    });
  });

  describe('search', () => {
    it('finds words, phrases and alternatives, the newest first, in one session or all', async () => {
      const as = principal();
      const [one, two] = [await aSession(hive, {}, { as }), await aSession(hive, {}, { as })];
      for (const text of ['The quick brown fox', 'a brown quick dog', 'Größe und Maß']) await say(hive, one, text, {}, { as });
      await say(hive, two, 'another fox', {}, { as });
      const found = (q: string, more: Record<string, string> = {}) => contents({ q, ...more }, { as });
      expect(await found('fox')).toEqual(['another fox', 'The quick brown fox']);
      expect(await found('QUICK brown')).toEqual(['a brown quick dog', 'The quick brown fox']);
      expect(await found('"quick brown"')).toEqual(['The quick brown fox']);
      expect(await found('dog or maß')).toEqual(['Größe und Maß', 'a brown quick dog']);
      expect(await found('brown -dog')).toEqual(['The quick brown fox']);
      expect(await found('fox', { sessionId: one.id })).toEqual(['The quick brown fox']);
      expect(await found('nowhere')).toEqual([]);
      expect(await found('"')).toEqual([]);
    });

    it('finds what a fork shares, and not what was said after', async () => {
      const session = await aSession(hive);
      await say(hive, session, 'zebra shared');
      await say(hive, session, 'zebra after');
      const { body: fork } = await hive.post<SessionDto>(`/v1/sessions/${session.id}/fork`, { sequence: 1 });
      await say(hive, fork, 'zebra own');
      expect(await contents({ q: 'zebra', sessionId: fork.id })).toEqual(['zebra own', 'zebra shared']);
      expect(await contents({ q: 'zebra', sessionId: session.id })).toEqual(['zebra after', 'zebra shared']);
    });

    it('finds what a channel said [S5.41, S5.43, S5.44]', async () => {
      const session = await aSession(hive);
      const thread = newId();
      await say(hive, session, 'in it', { channelPayload: { thread, user: { id: 7 } } });
      await say(hive, session, 'in it too', { channelPayload: { thread, user: { id: 8 } } });
      await say(hive, session, 'elsewhere', { channelPayload: { thread: 'T2' } });
      const found = (payload: object, more: Record<string, string> = {}) => contents({ channelPayload: JSON.stringify(payload), ...more });
      expect(await found({ thread })).toEqual(['in it too', 'in it']);
      expect(await found({ thread, user: { id: 7 } })).toEqual(['in it']);
      expect(await found({ thread }, { q: 'too' })).toEqual(['in it too']);
      for (const channelPayload of ['{', '[]', '5', '{}', 'null']) expect((await hive.get(`/v1/messages/search?${new URLSearchParams({ channelPayload }).toString()}`)).status).toBe(422);
    });

    it('comes in pages', async () => {
      const session = await aSession(hive);
      const word = `p${Date.now()}`;
      for (let i = 0; i < 5; i++) await say(hive, session, `${word} ${i}`);
      const first = await search({ q: word, limit: '3' });
      const rest = await search({ q: word, limit: '3', cursor: first.nextCursor! });
      expect([...first.items, ...rest.items].map(({ content }) => content)).toEqual([4, 3, 2, 1, 0].map((i) => `${word} ${i}`));
      expect(rest.nextCursor).toBeNull();
    });

    it('shows another tenant nothing, and refuses what it cannot look for', async () => {
      const session = await aSession(hive);
      const word = `q${Date.now()}`;
      await say(hive, session, word, { channelPayload: { word } });
      const as = principal();
      expect(await contents({ q: word })).toEqual([word]);
      expect(await contents({ q: word }, { as })).toEqual([]);
      expect(await contents({ channelPayload: JSON.stringify({ word }) }, { as })).toEqual([]);
      expect((await hive.get(`/v1/messages/search?q=${word}&sessionId=${session.id}`, { as })).status).toBe(404);
      for (const query of ['', 'q=', 'q=x&cursor=abc', `q=${'x'.repeat(501)}`]) expect((await hive.get(`/v1/messages/search?${query}`)).status).toBe(422);
    });

    it('takes words that nobody can write, and messages of only those', async () => {
      const session = await aSession(hive);
      await say(hive, session, 'y'.repeat(300_000));
      await say(hive, session, Array.from({ length: 100_000 }, (_, i) => i.toString(36)).join(' '));
      expect((await search({ q: 'a1' })).items).toHaveLength(1);
    });
  });
});
