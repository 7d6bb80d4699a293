import { newId } from '@agent-hive/kernel';
import { principal, type TestAnswer, type TestApp } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import type { CapabilitiesDto } from '../src/instruction/capability.dto.js';
import type { InstructionDto } from '../src/instruction/instruction.dto.js';
import type { KnowledgeDomainsDto } from '../src/instruction/knowledge-domain.dto.js';
import { agentsApp, anAgent } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors: { pointer: string; message: string }[];
}

describe('instructions', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const path = ({ id }: Pick<AgentDto, 'id'>, rest = 'instructions') => `/v1/agents/${id}/${rest}`;
  const put = (agent: Pick<AgentDto, 'id'>, body: object = { purpose: 'helps' }, headers: Record<string, string> = {}) =>
    hive.put<InstructionDto & Problem>(path(agent), body, { headers });
  const read = async (agent: AgentDto) => (await hive.get<InstructionDto>(path(agent))).body;
  const putCapabilities = (agent: Pick<AgentDto, 'id'>, items: unknown) => hive.put<CapabilitiesDto & Problem>(path(agent, 'instructions/capabilities'), { items });
  const putDomains = (agent: Pick<AgentDto, 'id'>, items: unknown) => hive.put<KnowledgeDomainsDto & Problem>(path(agent, 'knowledge-domains'), { items });
  const entries = async (query: string) => (await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?${query}`)).body.items;
  const neutral = ({ body }: TestAnswer<Problem>, id: string) => JSON.stringify({ ...body, requestId: '' }).replaceAll(id, 'ID');
  async function instructed(): Promise<AgentDto> {
    const agent = await anAgent(hive);
    await put(agent);
    return agent;
  }

  describe('the instruction', () => {
    it('is created once and replaced as a whole after, with ETag and the name of its agent [S2.8, S3.28-S3.38]', async () => {
      const agent = await anAgent(hive);
      const input = { purpose: 'answers questions', toneGuidelines: 'kind', responseTemplates: { hello: 'Hi {name}' }, instructionMetadata: { toString: 1 } };
      const made = await put(agent, input);
      expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"']);
      expect(made.body).toEqual({
        id: expect.any(String), agentId: agent.id, agentName: agent.name, ...input, capabilities: [], knowledgeDomains: [], version: 1,
        createdAt: expect.any(String), updatedAt: expect.any(String),
      });
      await putCapabilities(agent, [{ capabilityName: 'sql' }, { capabilityName: 'chess' }]);
      await putDomains(agent, [{ domainName: 'law', priorityLevel: 9 }, { domainName: 'art', priorityLevel: 10 }]);
      const found = await hive.get<InstructionDto>(path(agent));
      expect(found.body).toMatchObject({ ...input, capabilities: ['chess', 'sql'], knowledgeDomains: ['art', 'law'] });
      expect(found.headers.get('etag')).toBe(`"${found.body.version}"`);
      const replaced = await put(agent, { purpose: 'answers less' });
      expect(replaced.status).toBe(200);
      expect(replaced.body).toMatchObject({
        id: made.body.id, purpose: 'answers less', toneGuidelines: null, responseTemplates: {}, instructionMetadata: {}, capabilities: ['chess', 'sql'], createdAt: made.body.createdAt,
      });
    });

    it('shows the present name of its agent [S3.30]', async () => {
      const agent = await instructed();
      await hive.patch(`/v1/agents/${agent.id}`, { name: 'renamed' }, { headers: { 'if-match': '"1"' } });
      expect(await read(agent)).toMatchObject({ agentName: 'renamed' });
    });

    it('checks If-Match on PUT when it is sent, and needs it on DELETE', async () => {
      const agent = await anAgent(hive);
      expect((await put(agent, { purpose: 'a' }, { 'if-match': '"1"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await put(agent, { purpose: 'a' }, { 'if-match': '*' })).status).toBe(412);
      expect((await put(agent, { purpose: 'a' })).status).toBe(201);
      expect((await put(agent, { purpose: 'b' }, { 'if-match': '"1"' })).body).toMatchObject({ purpose: 'b', version: 2 });
      expect((await put(agent, { purpose: 'c' }, { 'if-match': '"1"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await put(agent, { purpose: 'd' }, { 'if-match': '*' })).body).toMatchObject({ purpose: 'd', version: 3 });
      expect((await put(agent, { purpose: 'd' }, { 'if-match': 'x' })).status).toBe(422);
      expect((await hive.delete(path(agent))).status).toBe(428);
      expect((await hive.delete(path(agent), { headers: { 'if-match': '"2"' } })).status).toBe(412);
      expect((await hive.delete(path(agent), { headers: { 'if-match': '"3"' } })).status).toBe(204);
      expect((await hive.get(path(agent))).body).toMatchObject({ status: 404, noun: 'instruction' });
      expect((await hive.delete(path(agent), { headers: { 'if-match': '*' } })).status).toBe(404);
    });

    it('moves its version when the names change that it shows, and not for what it does not show', async () => {
      const agent = await instructed();
      const version = async () => (await read(agent)).version;
      await putCapabilities(agent, [{ capabilityName: 'a' }]);
      expect(await version()).toBe(2);
      await putCapabilities(agent, [{ capabilityName: 'a', description: 'more' }]);
      expect(await version()).toBe(2);
      await putDomains(agent, [{ domainName: 'x', priorityLevel: 3 }, { domainName: 'y', priorityLevel: 2 }]);
      expect(await version()).toBe(3);
      await putDomains(agent, [{ domainName: 'x', priorityLevel: 4 }, { domainName: 'y', priorityLevel: 2 }]);
      expect(await version()).toBe(3);
      await putDomains(agent, [{ domainName: 'x', priorityLevel: 1 }, { domainName: 'y', priorityLevel: 2 }]);
      expect(await version()).toBe(4);
      await putCapabilities(agent, []);
      expect(await version()).toBe(5);
    });

    it('makes one instruction of ten parallel first ones', async () => {
      const agent = await anAgent(hive);
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => put(agent, { purpose: `p${i}` })));
      expect(answers.map((a) => a.status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
      expect(new Set(answers.map((a) => a.body.id)).size).toBe(1);
      expect(await read(agent)).toMatchObject({ version: 10 });
    });

    it('lets one of ten parallel writers of one version through', async () => {
      const agent = await instructed();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => put(agent, { purpose: `p${i}` }, { 'if-match': '"1"' })));
      expect(answers.map((a) => a.status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
    });

    it('keeps the record under its agent: created, changed, and deleted with the counts of what went with it', async () => {
      const agent = await instructed();
      await put(agent, { purpose: 'other' });
      await putCapabilities(agent, [{ capabilityName: 'a' }, { capabilityName: 'b' }]);
      await hive.put(path(agent, 'prompt-templates'), { items: [{ templateName: 't', templateContent: 'x' }] });
      await hive.delete(path(agent), { headers: { 'if-match': '*' } });
      const kept = await entries(`agentId=${agent.id}&action=instruction.*`);
      expect(kept.map((e) => e.action)).toEqual(['instruction.cascaded', 'instruction.deleted', 'instruction.updated', 'instruction.updated', 'instruction.created']);
      expect(kept[0]).toMatchObject({ details: { counts: { 'agents.capability': 2, 'agents.knowledge_domain': 0, 'agents.prompt_template': 1 } } });
      expect(kept[1]).toMatchObject({ previousState: { purpose: 'other' } });
      expect(kept[3]).toMatchObject({ previousState: { purpose: 'helps' }, newState: { purpose: 'other' } });
      expect((await put(agent)).status).toBe(201);
      expect(await read(agent)).toMatchObject({ capabilities: [] });
    });

    it.each([
      ['no purpose', {}, '/purpose'],
      ['an empty purpose', { purpose: '' }, '/purpose'],
      ['a purpose over 20000 characters', { purpose: 'x'.repeat(20_001) }, '/purpose'],
      ['a tone over 20000 characters', { purpose: 'p', toneGuidelines: 'x'.repeat(20_001) }, '/toneGuidelines'],
      ['templates that are a list', { purpose: 'p', responseTemplates: [] }, '/responseTemplates'],
      ['templates of null', { purpose: 'p', responseTemplates: null }, '/responseTemplates'],
      ['templates over 64 KiB', { purpose: 'p', responseTemplates: { a: 'x'.repeat(65_536) } }, '/responseTemplates'],
      ['metadata over 16 KiB', { purpose: 'p', instructionMetadata: { a: 'x'.repeat(16_384) } }, '/instructionMetadata'],
      ['an agent name', { purpose: 'p', agentName: 'x' }, '/agentName'],
    ])('refuses %s', async (_, body, pointer) => {
      expect((await put(await anAgent(hive), body)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    });

    it('needs agents:read to read and agents:write to write', async () => {
      const agent = await instructed();
      const as = principal({ tenantId: hive.me.tenantId, scopes: ['agents:read'] });
      expect((await hive.get(path(agent), { as })).status).toBe(200);
      for (const rest of ['instructions', 'instructions/capabilities', 'knowledge-domains', 'prompt-templates']) {
        expect((await hive.put(path(agent, rest), {}, { as })).body).toMatchObject({ status: 403, scope: 'agents:write' });
      }
    });
  });

  describe('capabilities', () => {
    it('are replaced as a set, keep the ids of those that stay, and are read back by name [S3.39-S3.47, S3.152]', async () => {
      const agent = await instructed();
      const input = { capabilityName: 'web_search', description: 'finds pages', parameters: { engine: 'x' }, capabilityMetadata: { since: 2024 } };
      const first = await putCapabilities(agent, [input, { capabilityName: 'sql' }]);
      expect(first.status).toBe(200);
      expect(first.body.items).toMatchObject([{ capabilityName: 'sql', description: null, parameters: {}, capabilityMetadata: {} }, input]);
      const [sql, search] = first.body.items;
      expect(search).toMatchObject({ id: expect.any(String), instructionId: (await read(agent)).id, createdAt: expect.any(String), updatedAt: expect.any(String) });
      const second = await putCapabilities(agent, [{ ...input, description: null, parameters: { engine: 'y' } }, { capabilityName: 'chess' }]);
      expect(second.body.items).toMatchObject([{ capabilityName: 'chess' }, { id: search!.id, parameters: { engine: 'y' }, description: null, createdAt: search!.createdAt }]);
      expect((await hive.get(path(agent, 'instructions/capabilities'))).body).toEqual(second.body);
      expect((await entries(`subjectType=capability&subjectId=${sql!.id}`)).map((e) => e.action)).toEqual(['capability.deleted', 'capability.created']);
      expect((await entries(`subjectType=capability&subjectId=${search!.id}`)).map((e) => e.action)).toEqual(['capability.updated', 'capability.created']);
    });

    it('are found by those who look for agents', async () => {
      const agent = await instructed();
      const name = newId();
      await putCapabilities(agent, [{ capabilityName: name }]);
      expect((await hive.get(`/v1/agents?capability=${name}`)).body).toMatchObject({ items: [{ id: agent.id }] });
      await putCapabilities(agent, []);
      expect((await hive.get(`/v1/agents?capability=${name}`)).body).toMatchObject({ items: [] });
    });

    it('end as one of the sets that parallel writers sent', async () => {
      const agent = await instructed();
      const sets = Array.from({ length: 8 }, (_, i) => ['shared', `own ${i}`]);
      const answers = await Promise.all(sets.map((names) => putCapabilities(agent, names.map((capabilityName) => ({ capabilityName })))));
      expect(answers.map((a) => a.status)).toEqual(Array(8).fill(200));
      expect(new Set(answers.map((a) => a.body.items.find((c) => c.capabilityName === 'shared')!.id)).size).toBe(1);
      expect(sets.map((names) => [...names].sort())).toContainEqual((await read(agent)).capabilities);
    });

    it.each([
      ['no list', undefined, '/items'],
      ['a list of null', null, '/items'],
      ['an item that is no object', ['sql'], '/items'],
      ['an item of null', [null], '/items'],
      ['an item without a name', [{}], '/items/0/capabilityName'],
      ['an empty name', [{ capabilityName: '' }], '/items/0/capabilityName'],
      ['a name over 100 characters', [{ capabilityName: 'x'.repeat(101) }], '/items/0/capabilityName'],
      ['a name of two lines', [{ capabilityName: 'a\nb' }], '/items/0/capabilityName'],
      ['a name twice', [{ capabilityName: 'a' }, { capabilityName: 'b' }, { capabilityName: 'a' }], '/items/2/capabilityName'],
      ['a description over 2000 characters', [{ capabilityName: 'a', description: 'x'.repeat(2001) }], '/items/0/description'],
      ['parameters that are a list', [{ capabilityName: 'a', parameters: [] }], '/items/0/parameters'],
      ['parameters over 16 KiB', [{ capabilityName: 'a', parameters: { a: 'x'.repeat(16_384) } }], '/items/0/parameters'],
      ['metadata of null', [{ capabilityName: 'a', capabilityMetadata: null }], '/items/0/capabilityMetadata'],
      ['101 items', Array.from({ length: 101 }, (_, i) => ({ capabilityName: `c${i}` })), '/items'],
      ['an unknown field', [{ capabilityName: 'a', colour: 'red' }], '/items/0/colour'],
    ])('refuse %s', async (_, items, pointer) => {
      expect((await putCapabilities(await instructed(), items)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    });
  });

  describe('knowledge domains', () => {
    it('are replaced as a set, highest priority first and then by name [S3.48-S3.56, S3.153]', async () => {
      const agent = await instructed();
      const law = { domainName: 'law', priorityLevel: 10, description: 'German', domainMetadata: { exams: 2 } };
      const first = await putDomains(agent, [{ domainName: 'zoology' }, { domainName: 'art' }, law, { domainName: 'cooking', priorityLevel: 1 }]);
      expect(first.body.items.map((d) => [d.domainName, d.priorityLevel])).toEqual([['law', 10], ['art', 5], ['zoology', 5], ['cooking', 1]]);
      expect(first.body.items[0]).toMatchObject({ ...law, id: expect.any(String), instructionId: (await read(agent)).id, createdAt: expect.any(String), updatedAt: expect.any(String) });
      expect(first.body.items[1]).toMatchObject({ description: null, domainMetadata: {} });
      const second = await putDomains(agent, [{ domainName: 'art', priorityLevel: 2 }, { domainName: 'law', priorityLevel: 1 }]);
      expect(second.body.items.map((d) => d.id)).toEqual([first.body.items[1]!.id, first.body.items[0]!.id]);
      expect((await hive.get(path(agent, 'knowledge-domains'))).body).toEqual(second.body);
    });

    it.each([
      ['a priority of 0', [{ domainName: 'a', priorityLevel: 0 }], '/items/0/priorityLevel'],
      ['a priority of 11', [{ domainName: 'a', priorityLevel: 11 }], '/items/0/priorityLevel'],
      ['a priority of 1.5', [{ domainName: 'a', priorityLevel: 1.5 }], '/items/0/priorityLevel'],
      ['a priority of null', [{ domainName: 'a', priorityLevel: null }], '/items/0/priorityLevel'],
      ['an empty name', [{ domainName: '' }], '/items/0/domainName'],
      ['a name twice', [{ domainName: 'a' }, { domainName: 'a' }], '/items/1/domainName'],
      ['an item of null', [null], '/items'],
      ['metadata that is no object', [{ domainName: 'a', domainMetadata: 'x' }], '/items/0/domainMetadata'],
      ['101 items', Array.from({ length: 101 }, (_, i) => ({ domainName: `d${i}` })), '/items'],
      ['an unknown field', [{ domainName: 'a', colour: 'red' }], '/items/0/colour'],
    ])('refuse %s', async (_, items, pointer) => {
      expect((await putDomains(await instructed(), items)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    });
  });

  describe('what needs an instruction', () => {
    const body = { items: [] };
    const version = { templateVersion: 1 };
    const operations: [method: string, path: string, sent: object | undefined][] = [
      ['GET', 'instructions/capabilities', undefined], ['PUT', 'instructions/capabilities', body], ['GET', 'knowledge-domains', undefined], ['PUT', 'knowledge-domains', body],
      ['GET', 'prompt-templates', undefined], ['PUT', 'prompt-templates', body], ['GET', 'prompt-templates/a/versions', undefined], ['PUT', 'prompt-templates/a/active', version],
      ['POST', 'prompt-templates/a/rollbacks', version],
    ];

    it.each(operations)('%s %s tells an agent without one from an unknown agent, and that not from one of another tenant', async (method, rest, sent) => {
      const bare = await anAgent(hive);
      const none = await hive.request<Problem>(method, path(bare, rest), { body: sent });
      expect(none.body).toMatchObject({ status: 409, code: 'no-instruction', detail: expect.stringContaining(`PUT /v1/agents/${bare.id}/instructions`) });
      const [id, other] = [newId(), await instructed()];
      const unknown = await hive.request<Problem>(method, path({ id }, rest), { body: sent });
      const foreign = await hive.request<Problem>(method, path(other, rest), { body: sent, as: principal() });
      expect(unknown.body).toMatchObject({ status: 404, noun: 'agent' });
      expect(neutral(foreign, other.id)).toBe(neutral(unknown, id));
      expect((await hive.request(method, path({ id: 'x' }, rest), { body: sent })).status).toBe(422);
    });

    it.each([['GET', undefined], ['PUT', { purpose: 'p' }], ['DELETE', undefined]])("%s of another tenant's instruction answers as of an unknown agent", async (method, sent) => {
      const [id, other, as, headers] = [newId(), await instructed(), principal(), { 'if-match': '*' }];
      const foreign = await hive.request<Problem>(method, path(other), { body: sent, as, headers });
      expect(foreign.status).toBe(404);
      expect(neutral(foreign, other.id)).toBe(neutral(await hive.request<Problem>(method, path({ id }), { body: sent, as, headers }), id));
    });
  });
});
