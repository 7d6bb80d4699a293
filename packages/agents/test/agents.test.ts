import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import { PERSONAS } from '../src/index.js';
import { agentsApp, anAgent, inStatus } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors?: { pointer: string; message: string; allowed?: string[] }[];
}

describe('agents', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const patch = (agent: AgentDto, body: object, headers: Record<string, string> = { 'if-match': `"${agent.version}"` }) =>
    hive.patch<AgentDto & Problem>(`/v1/agents/${agent.id}`, body, { headers });

  describe('registration', () => {
    it('reads back what was registered, with defaults, Location and ETag [S1.68, S1.20-S1.26, S1.34, S1.36-S1.38, S1.40, S1.41, S1.46-S1.49, S2.43, S4.13-S4.15, S4.17-S4.21, S3.19-S3.25, S3.27]', async () => {
      const made = await hive.post<AgentDto>('/v1/agents', { name: '  Test Agent ', type: 'backend-engineer', personaType: 'developer', capabilities: ['web_search'], config: { a: 1 } });
      expect(made.status).toBe(201);
      expect(made.headers.get('location')).toBe(`/v1/agents/${made.body.id}`);
      expect(made.headers.get('etag')).toBe('"1"');
      expect(made.body).toMatchObject({
        name: 'Test Agent', type: 'backend-engineer', personaType: 'developer', status: 'initializing', isActive: false, statusReason: null, capabilities: ['web_search'],
        config: { a: 1 }, externalId: null, projectId: null, performanceScore: 0, learningMetrics: {}, optimizationSuggestions: [], aiMetadata: {}, efficiencyRating: 0,
        aiInsightsAvailable: false, enhancedFeaturesEnabled: true, lastAiAnalysis: null, lastHeartbeatAt: null, version: 1, description: null, model: null,
      });
      expect(new Date(made.body.createdAt).toISOString()).toBe(made.body.createdAt);
      const read = await hive.get<AgentDto>(`/v1/agents/${made.body.id}`);
      expect(read.body).toEqual(made.body);
      expect(read.headers.get('etag')).toBe('"1"');
    });

    it('answers 304 to a reader that has this version', async () => {
      const agent = await anAgent(hive);
      const again = await hive.get(`/v1/agents/${agent.id}`, { headers: { 'if-none-match': '"1"' } });
      expect([again.status, again.body]).toEqual([304, '']);
    });

    it.each([
      ['an empty name', { name: '   ' }, '/name', 'Agent name cannot be empty'],
      ['a name over 100 characters', { name: 'x'.repeat(101) }, '/name', 'Agent name cannot exceed 100 characters'],
      ['a name of the wrong type', { name: 5 }, '/name', 'name must be a string'],
      ['an unsupported type', { type: 'invalid-type' }, '/type', 'Agent type must be one of: [backend-engineer, qa-test-guardian, devops-deployer, general-purpose]'],
      ['an unknown persona', { personaType: 'wizard' }, '/personaType', 'personaType must be one of: developer, qa, architect, security, compliance, documentation, orchestrator, general'],
      ['an unknown field', { colour: 'red' }, '/colour', 'unknown field colour'],
      ['an unknown field with the name of a built-in', { constructor: 1 }, '/constructor', 'unknown field constructor'],
      ['capabilities that are no list', { capabilities: 'all' }, '/capabilities', 'capabilities must be an array'],
      ['capabilities with one twice', { capabilities: ['a', 'b', 'a'] }, '/capabilities', 'capabilities must not have anything twice'],
      ['a config over 64 KiB', { config: { notes: 'x'.repeat(65_536) } }, '/config', 'config must have at most 65536 bytes as JSON, and has 65548'],
      ['a malformed project id', { projectId: 'p1' }, '/projectId', 'projectId must be a UUID'],
    ])('refuses %s, naming the field and the rule [S1.73, S1.74, S1.87, S1.99, S1.42, S1.43, S1.70, S1.80, S2.65, S5.76]', async (_, overrides, pointer, message) => {
      const answer = await hive.post<Problem>('/v1/agents', { name: 'a', type: 'general-purpose', ...overrides });
      expect(answer.status).toBe(422);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body.errors).toContainEqual(expect.objectContaining({ pointer, message }));
    });

    it('takes types that the tenant added, and lists them in the refusal of others', async () => {
      const me = principal();
      expect((await hive.put('/v1/agent-types/data-scout', { description: 'finds data' }, { as: me })).status).toBe(200);
      expect((await anAgent(hive, { type: 'data-scout' }, { as: me })).type).toBe('data-scout');
      const refused = await hive.post<Problem>('/v1/agents', { name: 'a', type: 'x' }, { as: me });
      expect(refused.body.errors![0]!.allowed).toContain('data-scout');
      expect((await hive.post('/v1/agents', { name: 'a', type: 'data-scout' })).status).toBe(422);
      expect((await hive.delete('/v1/agent-types/data-scout', { as: me })).body).toMatchObject({ status: 409, code: 'in-use', counts: { 'agents.agent': 1 } });
      expect((await hive.put('/v1/agent-types/general-purpose', {}, { as: me })).body).toMatchObject({ code: 'built-in' });
    });

    it('makes one type of 20 parallel first ones', async () => {
      const me = principal();
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => hive.put('/v1/agent-types/scout', { description: `d${i}` }, { as: me })));
      expect(answers.map((a) => a.status)).toEqual(Array(20).fill(200));
      const { body } = await hive.get<{ items: { action: string }[] }>('/v1/audit/entries?subjectType=agent_type&limit=100', { as: me });
      expect(body.items.map((e) => e.action)).toEqual([...Array<string>(19).fill('agent_type.updated'), 'agent_type.created']);
    });

    it('has no agent of a type that was taken back meanwhile', async () => {
      const me = principal();
      for (let i = 0; i < 12; i++) {
        await hive.put(`/v1/agent-types/scout-${i}`, {}, { as: me });
        const [made, gone] = await Promise.all([hive.post('/v1/agents', { name: 'a', type: `scout-${i}` }, { as: me }), hive.delete(`/v1/agent-types/scout-${i}`, { as: me })]);
        expect([[201, 409], [422, 204]]).toContainEqual([made.status, gone.status]);
      }
    });

    it.each([`'; drop table agents.agent; --`, `{"$ne": null}`, '${7*7}', '%_\\', '👻 \u202e'])('takes %j as the text that it is, in every place [S4.166, S5.75]', async (hostile) => {
      const me = principal();
      const agent = await anAgent(hive, { name: hostile, externalId: hostile, capabilities: [hostile], config: { [hostile]: hostile } }, { as: me });
      expect((await hive.get<AgentDto>(`/v1/agents/${agent.id}`, { as: me })).body).toMatchObject({ name: hostile, externalId: hostile, capabilities: [hostile], config: { [hostile]: hostile } });
      for (const query of [`name=${encodeURIComponent(hostile)}`, `capability=${encodeURIComponent(hostile)}`]) {
        expect((await hive.get<{ items: AgentDto[] }>(`/v1/agents?${query}`, { as: me })).body.items.map((found) => found.id)).toEqual([agent.id]);
      }
      expect((await hive.get<AgentDto>(`/v1/agents/by-external-id/${encodeURIComponent(hostile)}`, { as: me })).body.id).toBe(agent.id);
    });

    it('keeps what every version of the contract has said of an agent [S1.27, S1.2, S1.45]', async () => {
      const agent = await anAgent(hive, { capabilities: ['web_search'] });
      expect(agent).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), name: expect.any(String), type: 'general-purpose', status: 'initializing', capabilities: ['web_search'] });
      expect(agent.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const after = await patch(agent, { enhancedFeaturesEnabled: false, config: { a: 1 } });
      expect(after.body).toMatchObject({ id: agent.id, name: agent.name, type: agent.type, status: agent.status, createdAt: agent.createdAt, capabilities: agent.capabilities });
    });

    it('has agents of every persona side by side [S4.4]', async () => {
      const me = principal();
      for (const personaType of PERSONAS) await anAgent(hive, { personaType }, { as: me });
      const { body } = await hive.get<{ items: AgentDto[] }>('/v1/agents', { as: me });
      expect(body.items.map((agent) => agent.personaType).reverse()).toEqual([...PERSONAS]);
    });

    it('belongs to a project, which lists its agents and stays while it has any [S3.146]', async () => {
      const [project, other] = [(await hive.post<AgentDto>('/v1/projects', { name: 'p' })).body.id, (await hive.post<AgentDto>('/v1/projects', { name: 'q' })).body.id];
      const agents = [await anAgent(hive, { projectId: project }), await anAgent(hive, { projectId: project })];
      const ids = async () => (await hive.get<{ items: AgentDto[] }>(`/v1/agents?projectId=${project}`)).body.items.map((agent) => agent.id);
      expect(await ids()).toEqual([agents[1]!.id, agents[0]!.id]);
      expect((await hive.delete(`/v1/projects/${project}`, { headers: { 'if-match': '"1"' } })).body).toMatchObject({ status: 409, counts: { 'agents.agent': 2 } });
      expect((await patch(agents[0]!, { projectId: other })).body).toMatchObject({ projectId: other });
      expect((await patch(agents[1]!, { projectId: null })).body).toMatchObject({ projectId: null });
      expect(await ids()).toEqual([]);
    });

    it('refuses a project that is not there as not found', async () => {
      expect((await hive.post('/v1/agents', { name: 'a', type: 'general-purpose', projectId: newId() })).body).toMatchObject({ status: 404, noun: 'project' });
    });

    it.each([
      ['malformed JSON', '{"name":', 400, 'malformed'],
      ['a body over 1 MiB', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }), 413, 'body-too-large'],
    ])('refuses %s', async (_, body, status, code) => {
      expect((await hive.request<Problem>('POST', '/v1/agents', { body })).body).toMatchObject({ status, code });
    });
  });

  describe('reading', () => {
    it('answers an unknown id, a malformed one, and one of another tenant [S1.65]', async () => {
      const agent = await anAgent(hive);
      const unknown = newId();
      const missing = await hive.get<Problem>(`/v1/agents/${unknown}`);
      const foreign = await hive.get<Problem>(`/v1/agents/${agent.id}`, { as: principal() });
      expect([missing.status, foreign.status]).toEqual([404, 404]);
      const neutral = (body: Problem, id: string) => JSON.stringify({ ...body, requestId: '' }).replaceAll(id, 'ID');
      expect(neutral(foreign.body, agent.id)).toBe(neutral(missing.body, unknown));
      expect((await hive.get('/v1/agents/not-a-uuid')).body).toMatchObject({ status: 422, errors: [{ pointer: '/id' }] });
    });

    it('lists by status, type, persona, capability and name, in pages that stay stable [S5.12, S5.16, S5.17, S2.47]', async () => {
      const me = principal();
      const qa = await anAgent(hive, { name: 'tester', type: 'qa-test-guardian', personaType: 'qa', capabilities: ['web_search', 'sql'] }, { as: me });
      const dev = await anAgent(hive, { name: 'coder', type: 'backend-engineer', capabilities: ['sql'] }, { as: me });
      const idle = await inStatus(hive, await anAgent(hive, { name: 'sleeper' }, { as: me }), 'idle', { as: me });
      const ids = async (query: string) => (await hive.get<{ items: AgentDto[] }>(`/v1/agents?${query}`, { as: me })).body.items.map((a) => a.id);
      expect(await ids('type=qa-test-guardian')).toEqual([qa.id]);
      expect(await ids('personaType=qa')).toEqual([qa.id]);
      expect(await ids('capability=sql')).toEqual([dev.id, qa.id]);
      expect(await ids('status=idle')).toEqual([idle.id]);
      expect(await ids('name=coder')).toEqual([dev.id]);
      expect(await ids('capability=none')).toEqual([]);
      const first = await hive.get<{ items: AgentDto[]; nextCursor: string; total: number }>('/v1/agents?limit=2&total=true', { as: me });
      expect(first.body.total).toBe(3);
      await anAgent(hive, {}, { as: me });
      expect(await ids(`limit=2&cursor=${first.body.nextCursor}`)).toEqual([qa.id]);
    });

    it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=nonsense', 'status=asleep', 'colour=red', 'total=maybe'])('refuses the query %s', async (query) => {
      expect((await hive.get(`/v1/agents?${query}`)).status).toBe(422);
    });
  });

  describe('external ids', () => {
    it('creates once and updates after [S5.18, S5.30]', async () => {
      const path = `/v1/agents/by-external-id/${newId()}`;
      const made = await hive.put<AgentDto>(path, { name: 'a', type: 'general-purpose' });
      const changed = await hive.put<AgentDto>(path, { name: 'b', type: 'general-purpose', capabilities: ['x'] });
      expect([made.status, changed.status]).toEqual([201, 200]);
      expect(changed.body).toMatchObject({ id: made.body.id, name: 'b', capabilities: ['x'], version: 2 });
      expect((await hive.get<AgentDto>(path)).body).toEqual(changed.body);
      expect((await hive.put(path, { name: 'c', type: 'general-purpose' }, { headers: { 'if-match': '"1"' } })).status).toBe(412);
      expect((await hive.put(path, { name: 'c', type: 'qa-test-guardian' })).body).toMatchObject({ code: 'type-fixed' });
    });

    it('builds on what is there when If-Match is sent: on an id that nobody has, none is the present one', async () => {
      const path = `/v1/agents/by-external-id/${newId()}`;
      const body = { name: 'a', type: 'general-purpose' };
      for (const tag of ['*', '"1"']) expect((await hive.put(path, body, { headers: { 'if-match': tag } })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await hive.put(path, body)).status).toBe(201);
      expect((await hive.put(path, body, { headers: { 'if-match': '*' } })).status).toBe(200);
    });

    it('have 1 to 200 characters', async () => {
      const path = (id: string) => `/v1/agents/by-external-id/${id}`;
      expect((await hive.put(path('x'.repeat(201)), { name: 'a', type: 'general-purpose' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/externalId' }] });
      expect((await hive.get(path('x'.repeat(201)))).status).toBe(422);
      expect((await hive.put(path('x'.repeat(200)), { name: 'a', type: 'general-purpose' })).status).toBe(201);
    });

    it('refuses a second POST with one, and leaves other tenants free to use it', async () => {
      const externalId = newId();
      await anAgent(hive, { externalId });
      expect((await hive.post('/v1/agents', { name: 'b', type: 'general-purpose', externalId })).body).toMatchObject({ status: 409, code: 'conflict' });
      await anAgent(hive, { externalId }, { as: principal() });
    });

    it('makes one agent of ten parallel upserts', async () => {
      const path = `/v1/agents/by-external-id/${newId()}`;
      const answers = await Promise.all(Array.from({ length: 10 }, () => hive.put<AgentDto>(path, { name: 'a', type: 'general-purpose' }, { headers: {} })));
      expect(answers.map((a) => a.status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
      expect(new Set(answers.map((a) => a.body.id)).size).toBe(1);
      expect((await hive.get<AgentDto>(path)).body.version).toBe(10);
    });
  });

  describe('changes', () => {
    it('changes what is given, keeps the rest, and moves the version [S1.50, S4.147]', async () => {
      const agent = await anAgent(hive, { capabilities: ['a'], config: { deep: { x: 1 } } });
      const changed = await patch(agent, { name: ' new ', config: { y: 2 }, enhancedFeaturesEnabled: false });
      expect(changed.status).toBe(200);
      expect(changed.headers.get('etag')).toBe('"2"');
      expect(changed.body).toMatchObject({ name: 'new', capabilities: ['a'], config: { y: 2 }, enhancedFeaturesEnabled: false, version: 2 });
    });

    it('keeps JSON whose keys are names of built-ins', async () => {
      const list: object[] = [{ constructor: 3 }, { hasOwnProperty: 1 }];
      const config = { constructor: { name: 'x', toString: null }, list };
      const agent = await anAgent(hive, { config });
      expect(agent.config).toEqual(config);
      expect((await patch(agent, { config: { constructor: 'y' } })).body).toMatchObject({ config: { constructor: 'y' } });
    });

    it('refuses a change of the type [S1.50]', async () => {
      expect((await patch(await anAgent(hive), { type: 'qa-test-guardian' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/type', message: 'unknown field type' }] });
    });

    it('needs If-Match, refuses a stale or malformed one, and takes any version for *', async () => {
      const agent = await anAgent(hive);
      await patch(agent, { name: 'second' });
      expect((await patch(agent, { name: 'x' }, {})).body).toMatchObject({ status: 428, code: 'precondition-required' });
      expect((await patch(agent, { name: 'x' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await patch(agent, { name: 'x' }, { 'if-match': 'yes' })).status).toBe(422);
      expect((await patch(agent, { name: 'third' }, { 'if-match': '*' })).body).toMatchObject({ name: 'third', version: 3 });
    });

    it('takes every one of 20 parallel changes for any version', async () => {
      const agent = await anAgent(hive);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => patch(agent, { description: `d${i}` }, { 'if-match': '*' })));
      expect(answers.map((a) => a.status)).toEqual(Array(20).fill(200));
      expect((await hive.get<AgentDto>(`/v1/agents/${agent.id}`)).body.version).toBe(21);
    });

    it('waits for heartbeats and lets them wait, and loses neither', async () => {
      const agent = await inStatus(hive, await anAgent(hive), 'active');
      const statuses = ['idle', 'busy', 'active'];
      const beats = Array.from({ length: 15 }, (_, i) => hive.post(`/v1/agents/${agent.id}/heartbeat`, { status: statuses[i % 3] }));
      const patches = Array.from({ length: 15 }, (_, i) => patch(agent, { status: statuses[i % 3], description: `d${i}` }, { 'if-match': '*' }));
      expect((await Promise.all([...beats, ...patches])).map((a) => a.status)).toEqual(Array(30).fill(200));
    });

    it.each(['name', 'status', 'capabilities', 'config', 'enhancedFeaturesEnabled'])('refuses to make %s null', async (field) => {
      expect((await patch(await anAgent(hive), { [field]: null })).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: `/${field}` })]) });
    });

    it('loses no increment of parallel writers that read, change and write again on 412 [S4.105, S4.163, S5.82]', async () => {
      const agent = await anAgent(hive, { config: { n: 0 } });
      const writers = 8;
      const each = 5;
      await Promise.all(
        Array.from({ length: writers }, async () => {
          for (let done = 0; done < each; ) {
            const { body } = await hive.get<AgentDto>(`/v1/agents/${agent.id}`);
            const answer = await patch(body, { config: { n: (body.config.n as number) + 1 } });
            if (answer.status === 200) done++;
            else expect(answer.status).toBe(412);
          }
        }),
      );
      expect((await hive.get<AgentDto>(`/v1/agents/${agent.id}`)).body).toMatchObject({ config: { n: writers * each }, version: writers * each + 1 });
    });

    it('keeps the record: created, changed with before and after, deleted [S3.111-S3.119, S4.8]', async () => {
      const agent = await anAgent(hive, { name: 'before' });
      await patch(agent, { name: 'after' });
      expect((await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '"2"' } })).status).toBe(204);
      const { body } = await hive.get<{ items: { action: string; previousState: object; newState: object }[] }>(`/v1/audit/entries?subjectType=agent&subjectId=${agent.id}`);
      expect(body.items.map((e) => e.action)).toEqual(['agent.cascaded', 'agent.deleted', 'agent.updated', 'agent.created']);
      expect(body.items[2]).toMatchObject({ previousState: { name: 'before' }, newState: { name: 'after' } });
      expect(body.items[1]).toMatchObject({ previousState: { name: 'after', type: 'general-purpose' }, newState: null });
    });

    it('deletes an agent without history, and refuses one with it, counting per table [S4.119, S4.162, S4.165]', async () => {
      const agent = await anAgent(hive);
      await hive.post('/v1/audit/entries', { agentId: agent.id, actionType: 'file.deleted', actionDetails: {}, riskLevel: 'low' });
      const refused = await hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '"1"' } });
      expect(refused.body).toMatchObject({ status: 409, code: 'has-history', counts: { 'audit.entry': 1 } });
      expect((await hive.get(`/v1/agents/${agent.id}`)).status).toBe(200);
    });
  });

  it('are the subject of what the hive records, and of nothing that looks like it', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'active');
    await hive.post(`/v1/agents/${agent.id}/insights`);
    const report = (actionType: string) => hive.post<Problem>('/v1/audit/entries', { agentId: agent.id, actionType, actionDetails: {}, riskLevel: 'low' });
    const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${agent.id}`);
    expect(body.items.map((entry) => entry.action)).toEqual(['agent.analysed', 'agent.status_changed', 'agent.created']);
    for (const action of [...body.items.map((entry) => entry.action), 'agent.deleted', 'tool.updated', 'agent.cascaded']) {
      expect((await report(action)).body).toMatchObject({ status: 422, errors: [{ pointer: '/actionType' }] });
    }
    for (const action of ['tool.called', 'file.deleted', 'agent.greeted']) expect((await report(action)).status).toBe(201);
  });

  describe('idempotency keys', () => {
    it('answers a repeat with what the first got, and refuses another body under the key', async () => {
      const headers = { 'idempotency-key': newId() };
      const body = { name: 'once', type: 'general-purpose' };
      const first = await hive.post<AgentDto>('/v1/agents', body, { headers });
      const again = await hive.post<AgentDto>('/v1/agents', body, { headers });
      expect([again.status, again.body, again.headers.get('idempotent-replayed'), again.headers.get('etag'), again.headers.get('location')]).toEqual([
        201, first.body, 'true', '"1"', first.headers.get('location'),
      ]);
      expect((await hive.post('/v1/agents', { ...body, name: 'twice' }, { headers })).body).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
      expect((await hive.post<AgentDto>('/v1/agents', body, { headers, as: principal() })).body.id).not.toBe(first.body.id);
    });

    it('makes one agent of 50 parallel requests, with 50 equal answers', async () => {
      const headers = { 'idempotency-key': newId() };
      const me = principal();
      const once = async (): Promise<AgentDto> => {
        for (;;) {
          const answer = await hive.post<AgentDto>('/v1/agents', { name: 'one', type: 'general-purpose' }, { headers, as: me });
          if (answer.status === 201) return answer.body;
          expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1']);
        }
      };
      const answers = await Promise.all(Array.from({ length: 50 }, once));
      expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
      expect((await hive.get('/v1/agents?total=true', { as: me })).body).toMatchObject({ total: 1 });
    });

    it('keeps nothing of a request that failed', async () => {
      const headers = { 'idempotency-key': newId() };
      expect((await hive.post('/v1/agents', { name: 'a', type: 'nope' }, { headers })).status).toBe(422);
      expect((await hive.post('/v1/agents', { name: 'a', type: 'general-purpose' }, { headers })).status).toBe(201);
    });
  });
});
