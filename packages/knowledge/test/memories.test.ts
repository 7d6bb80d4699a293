import { newId } from '@agent-hive/kernel';
import { principal, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { KNOWLEDGE_TYPES } from '../src/memory/memory.entity.js';
import type { MemoryDto, MemoryPage } from '../src/memory/memory.dto.js';
import type { KnowledgeUsageDto, KnowledgeUsagePage } from '../src/usage/usage.dto.js';
import { aMemory, anAgent, aPerson, asAgent, knowledgeApp, recorded, type Answered } from './world.js';

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const inFuture = (seconds: number): string => ago(-seconds);

describe('memories', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await knowledgeApp();
  });
  afterAll(() => hive.close());

  const read = (id: string, request: TestRequest = {}) => hive.get<MemoryDto>(`/v1/memories/${id}`, request);
  const ids = async (query: string, request: TestRequest = {}) => (await hive.get<MemoryPage>(`/v1/memories?${query}`, request)).body.items.map((memory) => memory.id);
  const supersede = (id: string, body: object, request: TestRequest = {}) => hive.post<Answered<MemoryDto>>(`/v1/memories/${id}/successors`, body, request);

  it("keep what an agent learned, a text or any JSON object, with type and domain [S4.50-S4.55, S4.57, S4.59, S5.33]", async () => {
    const agent = await anAgent(hive);
    for (const content of ['Retries need jitter.', { rule: 'jitter', seconds: [1, 2], nested: { deep: true } }]) {
      const made = await hive.post<MemoryDto>('/v1/memories', { agentId: agent.id, knowledgeType: 'solution', domain: 'backend', content });
      expect(made).toMatchObject({
        status: 201,
        body: { agentId: agent.id, userId: null, scope: 'agent', knowledgeType: 'solution', domain: 'backend', content, readMode: 'tool_call', access: 'write', usageCount: 0, successRate: null, successInterval: null, lastUsedAt: null },
      });
      expect(made.body.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(Date.now() - Date.parse(made.body.createdAt)).toBeLessThan(60_000);
      expect(made.headers.get('location')).toBe(`/v1/memories/${made.body.id}`);
      expect((await read(made.body.id)).body).toEqual(made.body);
    }
    for (const knowledgeType of KNOWLEDGE_TYPES) expect((await aMemory(hive, { knowledgeType })).knowledgeType).toBe(knowledgeType);
  });

  it('refuse what cannot be one [S4.53, S4.54, S4.55]', async () => {
    const attempt = async (body: object) => {
      const answer = await hive.post<Answered<object>>('/v1/memories', { knowledgeType: 'fact', domain: 'd', content: 'x', ...body });
      return [answer.status, answer.body.errors?.[0]?.pointer ?? answer.body.detail];
    };
    expect(await attempt({ knowledgeType: 'rumour' })).toEqual([422, '/knowledgeType']);
    expect(await attempt({ knowledgeType: undefined })).toEqual([422, '/knowledgeType']);
    expect(await attempt({ domain: undefined })).toEqual([422, '/domain']);
    for (const content of [undefined, null, '', ' ', 7, [], true, { a: 'x'.repeat(70_000) }]) expect(await attempt({ content })).toEqual([422, '/content']);
    expect(await attempt({ readMode: 'sometimes' })).toEqual([422, '/readMode']);
    expect(await attempt({ access: 'none' })).toEqual([422, '/access']);
    expect(await attempt({ validFrom: inFuture(60), expiresAt: inFuture(30) })).toEqual([422, '/expiresAt']);
    const [nobody, stranger] = [newId(), (await anAgent(hive, { as: principal() })).id];
    for (const agentId of [nobody, stranger]) expect(await attempt({ agentId })).toEqual([404, `No agent with id ${agentId}`]);
    expect(await attempt({ userId: nobody })).toEqual([404, `No user with id ${nobody}`]);
  });

  it("are an agent's, a user's or everybody's, and only those who may read them do [S5.26, S5.33]", async () => {
    const [one, other] = [await anAgent(hive), await anAgent(hive)];
    const [person, stranger] = [await aPerson(hive), await aPerson(hive)];
    const domain = newId();
    const everybodys = (await aMemory(hive, { domain })).id;
    const ones = (await aMemory(hive, { domain, agentId: one.id })).id;
    const persons = (await aMemory(hive, { domain, userId: person.actor.id })).id;
    const onesOfPerson = (await aMemory(hive, { domain, agentId: one.id, userId: person.actor.id })).id;
    const seen = async (request: TestRequest, query = '') => (await ids(`domain=${domain}${query}`, request)).sort();
    const all = [everybodys, ones, persons, onesOfPerson].sort();
    expect(await seen({})).toEqual(all);
    expect(await seen({ as: asAgent(one, hive.me) })).toEqual([everybodys, ones, onesOfPerson].sort());
    expect(await seen({ as: asAgent(other, hive.me) })).toEqual([everybodys]);
    expect(await seen({ as: person })).toEqual(all);
    expect(await seen({ as: stranger })).toEqual([everybodys, ones].sort());
    expect(await seen({}, `&agentId=${other.id}`)).toEqual([everybodys]);
    expect(await seen({}, `&userId=${person.actor.id}`)).toEqual([persons, onesOfPerson].sort());
    expect(await seen({ as: principal() })).toEqual([]);
    expect((await read(ones, { as: asAgent(other, hive.me) })).status).toBe(404);
    expect((await read(persons, { as: stranger })).status).toBe(404);
    expect((await supersede(ones, { content: 'x' }, { as: asAgent(other, hive.me) })).status).toBe(404);
    expect(await hive.post('/v1/memories', { agentId: one.id, knowledgeType: 'fact', domain, content: 'x' }, { as: asAgent(other, hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect(await hive.post('/v1/memories', { userId: person.actor.id, knowledgeType: 'fact', domain, content: 'x' }, { as: stranger })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect(await hive.get(`/v1/memories?agentId=${one.id}`, { as: asAgent(other, hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
  });

  it('give way to a successor, and stay readable as of the time when they held', async () => {
    const first = await aMemory(hive, { content: 'one', validFrom: ago(100) });
    const second = await supersede(first.id, { content: 'two', validFrom: ago(50) });
    expect(second).toMatchObject({ status: 201, body: { content: 'two', supersedesId: first.id, lineageId: first.id, knowledgeType: first.knowledgeType, domain: first.domain } });
    expect((await read(first.id)).body).toMatchObject({ content: 'one', validUntil: second.body.validFrom, version: 2 });
    expect(await supersede(first.id, { content: 'three' })).toMatchObject({ status: 409, body: { code: 'superseded' } });
    expect(await supersede(second.body.id, { content: 'three', validFrom: ago(60) })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/validFrom' }] } });
    const third = (await supersede(second.body.id, { content: 'three', expiresAt: inFuture(60) })).body;
    for (const id of [first.id, second.body.id, third.id]) expect(await ids(`lineageId=${id}`)).toEqual([third.id, second.body.id, first.id]);
    const at = (moment: string) => ids(`lineageId=${first.id}&asOf=${encodeURIComponent(moment)}`);
    expect([await at(ago(200)), await at(ago(75)), await at(ago(25)), await at(inFuture(1)), await at(inFuture(61))]).toEqual([[], [first.id], [second.body.id], [third.id], []]);
    expect(await recorded(hive, first.id)).toEqual(['memory.superseded', 'memory.created']);
  });

  it('have one successor, whoever comes first', async () => {
    const { id } = await aMemory(hive);
    const made = await Promise.all(Array.from({ length: 5 }, (_, i) => supersede(id, { content: `next ${i}` })));
    expect(made.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('are for agents to read only, when it is said so', async () => {
    const agent = await anAgent(hive);
    const as = { as: asAgent(agent, hive.me) };
    const { id } = await aMemory(hive, { agentId: agent.id, access: 'read', readMode: 'system_prompt' });
    expect((await read(id, as)).body.readMode).toBe('system_prompt');
    expect(await ids(`agentId=${agent.id}&readMode=system_prompt`, as)).toEqual([id]);
    expect(await supersede(id, { content: 'x' }, as)).toMatchObject({ status: 403, body: { code: 'read-only' } });
    for (const method of ['PATCH', 'DELETE']) expect(await hive.request(method, `/v1/memories/${id}`, { ...as, headers: { 'if-match': '*' }, ...(method === 'PATCH' && { body: { name: 'x' } }) })).toMatchObject({ status: 403, body: { code: 'read-only' } });
    expect((await supersede(id, { content: 'x' })).status).toBe(201);
  });

  it('change in how they are used, and are deleted, under their version', async () => {
    const { id } = await aMemory(hive);
    expect((await hive.patch(`/v1/memories/${id}`, { name: 'n' })).status).toBe(428);
    const changed = await hive.patch<MemoryDto>(`/v1/memories/${id}`, { name: 'named', readMode: 'system_prompt', expiresAt: inFuture(60) }, { headers: { 'if-match': '"1"' } });
    expect(changed).toMatchObject({ status: 200, body: { name: 'named', readMode: 'system_prompt', version: 2 } });
    expect((await hive.patch(`/v1/memories/${id}`, { expiresAt: ago(1000) }, { headers: { 'if-match': '*' } })).status).toBe(422);
    expect((await hive.delete(`/v1/memories/${id}`, { headers: { 'if-match': '"1"' } })).status).toBe(412);
    expect((await hive.delete(`/v1/memories/${id}`, { headers: { 'if-match': '"2"' } })).status).toBe(204);
    expect((await read(id)).status).toBe(404);
    expect(await recorded(hive, id)).toEqual(['memory.deleted', 'memory.updated', 'memory.created']);
  });

  it('know how often they were used and how often they helped, with the interval of that [S4.57, S4.58, S4.60]', async () => {
    const agent = await anAgent(hive);
    const { id } = await aMemory(hive);
    const taskId = newId();
    for (const helpful of [true, true, false]) expect((await hive.post('/v1/knowledge/usages', { itemId: id, agentId: agent.id, taskId, helpful })).status).toBe(201);
    const { body } = await read(id);
    expect(body).toMatchObject({ usageCount: 3, successRate: 0.67, version: 1 });
    // Wilson 95 % interval of 2 in 3: 0.2077 to 0.9385.
    expect(body.successInterval).toEqual({ low: expect.closeTo(0.2077, 3), high: expect.closeTo(0.9385, 3) });
    expect(Date.now() - Date.parse(body.lastUsedAt!)).toBeLessThan(60_000);
    const used = (await hive.get<KnowledgeUsagePage>(`/v1/knowledge/usages?taskId=${taskId}&total=true`)).body;
    expect(used.total).toBe(3);
    expect(used.items[0]).toMatchObject({ kind: 'memory', itemId: id, agentId: agent.id, taskId, helpful: false });
    for (const query of [`itemId=${id}`, `agentId=${agent.id}`]) expect((await hive.get<KnowledgeUsagePage>(`/v1/knowledge/usages?${query}`)).body.items).toHaveLength(3);
    expect(await recorded(hive, id)).toEqual(['memory.used', 'memory.used', 'memory.used', 'memory.created']);
  });

  it('count each of many uses at once', async () => {
    const { id } = await aMemory(hive);
    await Promise.all(Array.from({ length: 20 }, (_, i) => hive.post('/v1/knowledge/usages', { itemId: id, helpful: i % 2 === 0 })));
    expect((await read(id)).body).toMatchObject({ usageCount: 20, successRate: 0.5 });
  });

  it('take no report of a use by who cannot see them, nor for another', async () => {
    const [one, other] = [await anAgent(hive), await anAgent(hive)];
    const { id } = await aMemory(hive, { agentId: one.id });
    const use = (body: object, request: TestRequest = {}) => hive.post<Answered<KnowledgeUsageDto>>('/v1/knowledge/usages', { itemId: id, helpful: true, ...body }, request);
    expect((await use({}, { as: asAgent(other, hive.me) })).status).toBe(404);
    expect((await use({}, { as: principal() })).status).toBe(404);
    expect((await use({ itemId: newId() })).status).toBe(404);
    expect((await use({ helpful: 'yes' })).status).toBe(422);
    expect(await use({ agentId: other.id }, { as: asAgent(one, hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect((await use({}, { as: asAgent(one, hive.me) })).body).toMatchObject({ agentId: one.id, item: { usageCount: 1, successRate: 1 } });
    expect((await hive.get<KnowledgeUsagePage>('/v1/knowledge/usages', { as: asAgent(other, hive.me) })).body.items).toEqual([]);
  });

  it('keep their agent from being deleted, and go with their user [S4.52]', async () => {
    const agent = await anAgent(hive);
    await aMemory(hive, { agentId: agent.id });
    expect(await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '*' } })).toMatchObject({ status: 409, body: { counts: { 'knowledge.memory': 1 } } });
    const person = await aPerson(hive);
    const { id } = await aMemory(hive, { userId: person.actor.id });
    expect((await hive.delete(`/v1/users/${person.actor.id}`, { headers: { 'if-match': '*' } })).status).toBe(204);
    expect((await read(id)).status).toBe(404);
    expect(await recorded(hive, person.actor.id)).toContain('memory.cascaded');
  });
});
