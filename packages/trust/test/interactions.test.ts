import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { InteractionDto } from '../src/index.js';
import { anAgent, aPerson, asAgent, asked, approved, expire, inSeconds, pause, read, recorded, respond, trustApp, type Answered } from './world.js';

type Page = { items: InteractionDto[]; nextCursor: string | null; total?: number };

describe('interactions', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await trustApp();
  });
  afterAll(() => hive.close());

  it('carry a question about something to a person and the answer back [S3.136-S3.144]', async () => {
    const agent = await anAgent(hive);
    const person = await aPerson(hive);
    const subject = { type: 'task', id: newId() };
    const made = await hive.post<InteractionDto>('/v1/interactions', { type: 'clarification_request', subject, content: { question: 'Which one?' }, priority: 8, agentId: agent.id, sessionId: newId() });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/v1/interactions/${made.body.id}`);
    expect(made.body).toMatchObject({ type: 'clarification_request', status: 'pending', subject, content: { question: 'Which one?' }, priority: 8, agentId: agent.id, response: null, respondedAt: null, respondedBy: null, expiresAt: null, action: null });
    expect(Math.abs(Date.parse(made.body.createdAt) - Date.now())).toBeLessThan(10_000);
    expect(await read(hive, made.body)).toEqual(made.body);
    const answer = await respond(hive, made.body, { status: 'answered', response: { text: 'The left one' } }, { as: person });
    expect(answer).toMatchObject({ status: 200, body: { status: 'answered', response: { text: 'The left one' }, respondedBy: { id: person.actor.id, name: person.actor.name } } });
    expect(Date.parse(answer.body.respondedAt!)).toBeGreaterThanOrEqual(Date.parse(made.body.createdAt));
    expect(await read(hive, made.body)).toEqual(answer.body);
    expect(await recorded(hive, made.body.id)).toEqual(['interaction.answered', 'interaction.created']);
  });

  it.each([
    ['approval_request', ['approved', 'rejected']],
    ['feedback_request', ['answered', 'rejected']],
    ['clarification_request', ['answered', 'rejected']],
    ['notification', ['acknowledged']],
    ['manual_intervention', ['answered', 'acknowledged', 'rejected']],
    ['decision_point', ['answered', 'rejected']],
  ])('of the type %s can be %j, and nothing else', async (type, allowed) => {
    for (const status of ['approved', 'rejected', 'answered', 'acknowledged']) {
      const question = await asked(hive, { type });
      const answer = await respond(hive, question, { status, response: 'so' });
      if (allowed.includes(status)) expect(answer).toMatchObject({ status: 200, body: { type, status, response: 'so' } });
      else expect(answer).toMatchObject({ status: 422, body: { code: 'invalid', errors: [{ pointer: '/status', allowed }] } });
    }
  });

  it('are answered with what they offer', async () => {
    const ask = (type = 'decision_point') => asked(hive, { type, options: ['left', 'right'] });
    expect((await respond(hive, await ask(), { status: 'answered', response: 'left' })).body).toMatchObject({ status: 'answered', response: 'left', options: ['left', 'right'] });
    expect((await respond(hive, await ask(), { status: 'answered', response: { option: 'right', comment: 'it is drier' } })).status).toBe(200);
    expect((await respond(hive, await ask(), { status: 'rejected', response: 'neither will do' })).status).toBe(200);
    expect((await respond(hive, await ask('approval_request'), { status: 'approved', response: 'right' })).status).toBe(200);
    for (const response of ['up', { option: 'up' }, { comment: 'left' }, ['left'], 1, 'toString', { option: ['left'] }]) {
      const answer = await respond(hive, await ask(), { status: 'answered', response });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/response', allowed: ['left', 'right'] }] } });
    }
    for (const response of [undefined, null]) expect((await respond(hive, await ask(), { status: 'answered', response })).body).toMatchObject({ status: 422, errors: [{ pointer: '/response' }] });
  });

  it('are listed newest first, by what they are, whose, and about what', async () => {
    const as = principal();
    const [agent, other] = [await anAgent(hive, { as }), await anAgent(hive, { as })];
    const [subject, sessionId] = [{ type: 'task', id: newId() }, newId()];
    const first = await asked(hive, { type: 'notification', agentId: agent.id, subject }, { as });
    const second = await asked(hive, { agentId: agent.id, sessionId }, { as });
    const third = await asked(hive, { agentId: other.id }, { as });
    await respond(hive, third, { status: 'rejected' }, { as });
    const ids = async (query: string) => (await hive.get<Page>(`/v1/interactions?${query}`, { as })).body.items.map(({ id }) => id);
    expect(await ids('')).toEqual([third.id, second.id, first.id]);
    expect(await ids('status=pending')).toEqual([second.id, first.id]);
    expect(await ids('status=rejected')).toEqual([third.id]);
    expect(await ids('type=approval_request')).toEqual([third.id, second.id]);
    expect(await ids(`agentId=${agent.id}`)).toEqual([second.id, first.id]);
    expect(await ids(`sessionId=${sessionId}`)).toEqual([second.id]);
    expect(await ids(`subjectId=${subject.id}`)).toEqual([first.id]);
    expect(await ids(`subjectType=task&subjectId=${subject.id}`)).toEqual([first.id]);
    expect(await ids(`subjectType=run&subjectId=${subject.id}`)).toEqual([]);
    const page = (await hive.get<Page>('/v1/interactions?limit=2&total=true', { as })).body;
    expect(page.total).toBe(3);
    expect(await ids(`limit=2&cursor=${page.nextCursor}`)).toEqual([first.id]);
    expect((await hive.get('/v1/interactions?subjectType=task', { as })).status).toBe(422);
  });

  it('are listed by urgency, then age, page by page', async () => {
    const as = principal();
    const made: InteractionDto[] = [];
    for (const priority of [5, 9, 5, 0, 9]) made.push(await asked(hive, { type: 'notification', priority }, { as }));
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: Page } = await hive.get<Page>(`/v1/interactions?status=pending&order=priority&limit=2${cursor && `&cursor=${cursor}`}`, { as });
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual([1, 4, 0, 2, 3].map((i) => made[i]!.id));
    expect((await hive.get('/v1/interactions?order=priority', { as })).body).toMatchObject({ status: 422, errors: [{ pointer: '/order' }] });
  });

  describe('expire at their moment', () => {
    /** A question whose time is up, which no sweep has looked at. */
    async function lapsed(overrides: object = {}, as = hive.me): Promise<InteractionDto> {
      const question = await asked(hive, { expiresInSeconds: 60, ...overrides }, { as });
      await hive.database.execute(hive.orm, `update trust.interaction set expires_at = now() - interval '1 second' where id = '${question.id}'`);
      return question;
    }

    it('for every read and write, before any sweep', async () => {
      const as = principal();
      const [open, over] = [await asked(hive, { expiresInSeconds: 60 }, { as }), await lapsed({}, as)];
      expect(Date.parse(open.expiresAt!) - Date.parse(open.createdAt)).toBe(60_000);
      expect((await read(hive, over, '', { as })).status).toBe('expired');
      const ids = async (status: string) => (await hive.get<Page>(`/v1/interactions?status=${status}&total=true`, { as })).body;
      expect(await ids('pending')).toMatchObject({ items: [{ id: open.id }], total: 1 });
      expect(await ids('expired')).toMatchObject({ items: [{ id: over.id, status: 'expired', respondedAt: null }], total: 1 });
      expect((await respond(hive, over, { status: 'approved' }, { as })).body).toMatchObject({ status: 409, code: 'interaction-expired' });
      expect((await hive.post(`/v1/interactions/${over.id}/cancellation`, {}, { as })).body).toMatchObject({ status: 409, code: 'interaction-expired' });
      expect(await recorded(hive, over.id, { as })).toEqual(['interaction.created']);
    });

    it('and are marked by the sweeper once, however often and from wherever it comes', async () => {
      const as = principal();
      const [first, open, second] = [await lapsed({}, as), await asked(hive, { expiresInSeconds: 600 }, { as }), await lapsed({ type: 'notification' }, as)];
      const counts = await Promise.all([expire(hive, new Date(), as.tenantId), expire(hive, new Date(), as.tenantId)]);
      expect(counts[0] + counts[1]).toBe(2);
      expect(await expire(hive, new Date(), as.tenantId)).toBe(0);
      for (const { id } of [first, second]) expect(await recorded(hive, id, { as })).toEqual(['interaction.expired', 'interaction.created']);
      const { body } = await hive.get<Page>('/v1/interactions?status=expired', { as });
      expect(body.items.map(({ id }) => id)).toEqual([second.id, first.id]);
      expect((await respond(hive, first, { status: 'approved' }, { as })).body).toMatchObject({ code: 'interaction-expired' });
      expect(await expire(hive, inSeconds(601), as.tenantId)).toBe(1);
      expect((await read(hive, open, '', { as })).status).toBe('expired');
    });
  });

  it('are answered once: of two answers at once one wins, and the other is told', async () => {
    const question = await asked(hive);
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => respond(hive, question, { status: i % 2 ? 'approved' : 'rejected' })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status, body } of answers) if (status !== 200) expect({ status, code: body.code }).toEqual({ status: 409, code: 'interaction-settled' });
    expect((await read(hive, question)).status).toBe(answers.find(({ status }) => status === 200)!.body.status);
    expect(await recorded(hive, question.id)).toHaveLength(2);
  });

  it('are answered by people and their keys, never by the agent that asked', async () => {
    const [agent, other] = [await anAgent(hive), await anAgent(hive)];
    const [self, peer] = [{ as: asAgent(agent, hive.me) }, { as: asAgent(other, hive.me) }];
    const approval = await asked(hive, {}, self);
    expect(approval.agentId).toBe(agent.id);
    expect((await respond(hive, approval, { status: 'approved' }, self)).body).toMatchObject({ status: 403, code: 'own-interaction' });
    expect((await respond(hive, approval, { status: 'approved' }, peer)).body).toMatchObject({ status: 403, code: 'people-only' });
    const question = await asked(hive, { type: 'clarification_request' }, self);
    expect((await respond(hive, question, { status: 'answered', response: 'me' }, self)).body).toMatchObject({ status: 403, code: 'own-interaction' });
    expect((await respond(hive, question, { status: 'answered', response: 'this' }, peer)).body).toMatchObject({ status: 'answered', respondedBy: { id: null, name: peer.as.actor.name } });
    expect((await respond(hive, approval, { status: 'approved' })).status).toBe(200);
    const asOther = await hive.post('/v1/interactions', { type: 'notification', content: 'x', agentId: other.id }, self);
    expect(asOther.body).toMatchObject({ status: 403, code: 'not-yours' });
    const weak = { as: { ...hive.me, scopes: ['interactions:read', 'interactions:write'] } };
    expect((await respond(hive, await asked(hive), { status: 'approved' }, weak)).body).toMatchObject({ status: 403, code: 'missing-scope' });
  });

  it('are taken back by who asked, and then are over', async () => {
    const agent = await anAgent(hive);
    const question = await asked(hive, {}, { as: asAgent(agent, hive.me) });
    const stranger = { as: asAgent(await anAgent(hive), hive.me) };
    expect((await hive.post(`/v1/interactions/${question.id}/cancellation`, {}, stranger)).body).toMatchObject({ status: 403, code: 'not-yours' });
    expect((await hive.post(`/v1/interactions/${question.id}/cancellation`, { reason: 'found out' }, { as: asAgent(agent, hive.me) })).body).toMatchObject({ status: 'cancelled', respondedAt: null });
    expect((await respond(hive, question, { status: 'approved' })).body).toMatchObject({ status: 409, code: 'interaction-settled', interactionStatus: 'cancelled' });
    expect((await hive.post(`/v1/interactions/${question.id}/cancellation`, {})).status).toBe(409);
    expect(await recorded(hive, question.id)).toEqual(['interaction.cancelled', 'interaction.created']);
  });

  describe('waiting', () => {
    it('for one ends as soon as it is answered, and empty-handed when its time is up', async () => {
      const question = await asked(hive);
      const waiting = read(hive, question, '?waitSeconds=10');
      await pause(200);
      await respond(hive, question, { status: 'approved' });
      const answeredAt = Date.now();
      expect((await waiting).status).toBe('approved');
      expect(Date.now() - answeredAt).toBeLessThan(400);
      const [open, startedAt] = [await asked(hive), Date.now()];
      expect((await read(hive, open, '?waitSeconds=1')).status).toBe('pending');
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
    });

    it('ends when the time of what is waited for is up', async () => {
      const [question, startedAt] = [await asked(hive, { expiresInSeconds: 1 }), Date.now()];
      expect((await read(hive, question, '?waitSeconds=10')).status).toBe('expired');
      expect(Date.now() - startedAt).toBeLessThan(3000);
    });

    it('for any ends as soon as there is one, asked under an Idempotency-Key, after its commit', async () => {
      const as = principal();
      const waiting = hive.get<Page>('/v1/interactions?status=pending&waitSeconds=10', { as });
      await pause(200);
      const made = await hive.post<InteractionDto>('/v1/interactions', { type: 'notification', content: 'hear' }, { as, headers: { 'idempotency-key': newId() } });
      const madeAt = Date.now();
      expect((await waiting).body.items).toMatchObject([{ id: made.body.id }]);
      expect(Date.now() - madeAt).toBeLessThan(400);
    });

    it('is told within a second of what another process has done', async () => {
      const question = await asked(hive);
      const waiting = read(hive, question, '?waitSeconds=10');
      await pause(200);
      await hive.database.execute(hive.orm, `update trust.interaction set status = 'rejected', responded_at = now() where id = '${question.id}'`);
      const answeredAt = Date.now();
      expect((await waiting).status).toBe('rejected');
      expect(Date.now() - answeredAt).toBeLessThan(1000);
    });

    it('holds no connection: many wait while others work on the ones there are', async () => {
      const as = principal();
      const question = await asked(hive, {}, { as });
      const waiting = Array.from({ length: 40 }, (_, i) => (i % 2 ? read(hive, question, '?waitSeconds=3', { as }) : hive.get<Page>('/v1/interactions?status=rejected&waitSeconds=3', { as })));
      for (let i = 0; i < 5; i++) expect((await approved(hive)).status).toBe('approved');
      await respond(hive, question, { status: 'rejected' }, { as });
      await Promise.all(waiting);
    });
  });

  it.each([
    ['an unknown type', { type: 'plea' }, '/type'],
    ['no content', { content: undefined }, '/content'],
    ['an empty content', { content: ' ' }, '/content'],
    ['a content that is a list', { content: ['x'] }, '/content'],
    ['a content over 64 KiB', { content: 'x'.repeat(65_536) }, '/content'],
    ['a priority over 9', { priority: 10 }, '/priority'],
    ['no time to answer', { expiresInSeconds: 0 }, '/expiresInSeconds'],
    ['options that are none', { options: [] }, '/options'],
    ['the same option twice', { options: ['a', 'a'] }, '/options'],
    ['a subject without id', { subject: { type: 'task' } }, '/subject/id'],
    ['an action of something that is no approval', { type: 'notification', action: { name: 'x', parameters: {} } }, '/action'],
    ['an action without parameters', { action: { name: 'x' } }, '/action/parameters'],
    ['an unknown field', { colour: 'red' }, '/colour'],
  ])('refuse %s', async (_, body, pointer) => {
    const answer = await hive.post<Answered>('/v1/interactions', { type: 'approval_request', content: 'x', ...body });
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid', errors: [{ pointer }] } });
  });

  it("tell nothing of another tenant's", async () => {
    const [as, question, agent] = [principal(), await asked(hive), await anAgent(hive)];
    for (const id of [question.id, newId()]) {
      expect((await hive.get(`/v1/interactions/${id}`, { as })).body).toMatchObject({ status: 404, code: 'not-found' });
      expect((await respond(hive, { id }, { status: 'approved' }, { as })).body).toMatchObject({ status: 404, code: 'not-found' });
    }
    for (const agentId of [agent.id, newId()]) expect((await hive.post('/v1/interactions', { type: 'notification', content: 'x', agentId }, { as })).body).toMatchObject({ status: 404, noun: 'agent' });
    expect((await hive.get<Page>('/v1/interactions', { as })).body.items).toEqual([]);
    expect((await respond(hive, question, { status: 'granted' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/status' }] });
  });

  it('outlive who answered, whose name they forget, and keep who asked', async () => {
    const [agent, person] = [await anAgent(hive), await aPerson(hive)];
    const question = await asked(hive, { agentId: agent.id });
    await respond(hive, question, { status: 'approved' }, { as: person });
    expect((await hive.delete(`/v1/users/${person.actor.id}`, { headers: { 'if-match': '*' } })).status).toBe(204);
    expect(await read(hive, question)).toMatchObject({ status: 'approved', respondedBy: null, respondedAt: expect.any(String) });
    expect(await recorded(hive, person.actor.id)).toContain('interaction.responder_forgotten');
    const kept = await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '*' } });
    expect(kept).toMatchObject({ status: 409, body: { code: 'has-history', counts: { 'trust.interaction': 1 } } });
  });
});
