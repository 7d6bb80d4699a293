import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, testEngine, type TestAnswer, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import type { GrantedToolDto } from '../src/tool/granted-tool.dto.js';
import type { GrantedAgentDto } from '../src/tool/tool-grant.dto.js';
import { ToolGrantsService } from '../src/tool/tool-grants.service.js';
import { agentsApp, anAgent, aTool, TOOL_SCHEMA } from './world.js';

interface Problem {
  status: number;
  code: string;
  requestId: string;
  errors: { pointer: string; message: string }[];
}

const FUTURE = '2100-01-01T00:00:00Z';

describe('tool grants', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const grant = (agentId: string, toolId: string, body: object = {}, request: TestRequest = {}) =>
    hive.put<GrantedToolDto & Problem>(`/v1/agents/${agentId}/tools/${toolId}`, body, request);
  const granted = async (agent: AgentDto, query = '') => (await hive.get<{ items: GrantedToolDto[] }>(`/v1/agents/${agent.id}/tools?${query}`)).body.items;
  /** Lets a grant end without waiting for it. */
  const expire = (agent: AgentDto, toolId: string) =>
    hive.database.execute(hive.orm, `update agents.tool_grant set expires_at = now() - interval '1 second' where agent_id = '${agent.id}' and tool_id = '${toolId}'`);
  const actions = async (query: string) => (await hive.get<{ items: Record<string, unknown>[] }>(`/v1/audit/entries?${query}`)).body.items;
  const neutral = ({ body }: TestAnswer<Problem>, ...ids: string[]) => ids.reduce((text, id) => text.replaceAll(id, 'ID'), JSON.stringify({ ...body, requestId: '' }));

  it('gives an agent a tool with configuration, permissions and end, and replaces the whole on a repeat [S2.8, S2.16, S2.71, S3.89-S3.92, S3.150, S3.151]', async () => {
    const [agent, { id, name }] = [await anAgent(hive), await aTool(hive, { securityLevel: 'medium' })];
    const made = await grant(agent.id, id, { configuration: { region: 'eu' }, permissions: ['read', 'write'], expiresAt: '2100-01-01T02:00:00+02:00' });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      toolId: id, name, version: '1.0.0', description: null, schema: TOOL_SCHEMA, source: null, securityLevel: 'medium', mcpServerId: null,
      configuration: { region: 'eu' }, permissions: ['read', 'write'], expiresAt: '2100-01-01T00:00:00.000Z', grantedAt: expect.any(String),
    });
    expect(await granted(agent)).toEqual([made.body]);
    const changed = await grant(agent.id, id, { permissions: ['read'] });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...made.body, configuration: {}, permissions: ['read'], expiresAt: null });
    expect((await hive.get<AgentDto>(`/v1/agents/${agent.id}?include=tools`)).body.tools).toEqual([changed.body]);
  });

  it('shows both sides: the tools of an agent and the agents of a tool [S3.181]', async () => {
    const [first, second] = [await anAgent(hive), await anAgent(hive)];
    const [one, two] = [await aTool(hive), await aTool(hive)];
    for (const [agent, { id }] of [[first, one], [first, two], [second, one]] as const) await grant(agent.id, id, { configuration: { for: agent.name } });
    expect((await granted(first)).map((t) => t.toolId)).toEqual([two.id, one.id]);
    const agents = await hive.get<{ items: GrantedAgentDto[]; nextCursor: string; total: number }>(`/v1/tools/${one.id}/agents?limit=1&total=true`);
    expect(agents.body).toMatchObject({ total: 2, items: [{ agentId: second.id, agentName: second.name, configuration: { for: second.name }, permissions: [], expiresAt: null }] });
    const rest = await hive.get(`/v1/tools/${one.id}/agents?limit=1&cursor=${agents.body.nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ agentId: first.id }], nextCursor: null });
    const tools = await hive.get<{ items: GrantedToolDto[]; nextCursor: string }>(`/v1/agents/${first.id}/tools?limit=1&total=true`);
    expect(tools.body).toMatchObject({ total: 2 });
    expect((await granted(first, `limit=1&cursor=${tools.body.nextCursor}`)).map((t) => t.toolId)).toEqual([one.id]);
  });

  it('hides expired grants unless asked, from both sides, and renews one by another PUT', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    await grant(agent.id, id, { expiresAt: FUTURE });
    await expire(agent, id);
    expect(await granted(agent)).toEqual([]);
    expect(await granted(agent, 'includeExpired=true')).toMatchObject([{ toolId: id }]);
    expect((await hive.get(`/v1/agents/${agent.id}/tools?total=true`)).body).toMatchObject({ items: [], total: 0 });
    expect((await hive.get(`/v1/tools/${id}/agents`)).body).toMatchObject({ items: [] });
    expect((await hive.get(`/v1/tools/${id}/agents?includeExpired=true`)).body).toMatchObject({ items: [{ agentId: agent.id }] });
    expect((await grant(agent.id, id, { expiresAt: FUTURE })).status).toBe(200);
    expect(await granted(agent)).toMatchObject([{ toolId: id }]);
  });

  it('tells whether a grant is valid, expired, or was never given', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    const check = (agentId: string, toolId: string, tenantId = hive.me.tenantId) =>
      runAs(hive.orm.em, servicePrincipal(tenantId, 'trust'), () => hive.app.get(ToolGrantsService, { strict: false }).check(agentId, toolId));
    expect([await check(agent.id, id), await check(newId(), id)]).toEqual(['none', 'none']);
    await grant(agent.id, id, { expiresAt: FUTURE });
    expect([await check(agent.id, id), await check(agent.id, id, principal().tenantId)]).toEqual(['valid', 'none']);
    await expire(agent, id);
    expect(await check(agent.id, id)).toBe('expired');
  });

  it.each([
    ['an end in the past', { expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt', 'expiresAt must be in the future'],
    ['an end without a time zone', { expiresAt: '2100-01-01T00:00:00' }, '/expiresAt', expect.stringContaining('expiresAt must be a moment that exists, as RFC 3339 writes it with its time zone')],
    ['an end on a day that does not exist', { expiresAt: '2100-02-30T00:00:00Z' }, '/expiresAt', expect.stringContaining('expiresAt must be a moment that exists')],
    ['an end after the year 9999', { expiresAt: '9999-12-31T23:59:59-23:59' }, '/expiresAt', expect.stringContaining('expiresAt must be a moment that exists')],
    ['an end as a number', { expiresAt: 4_102_444_800_000 }, '/expiresAt', expect.stringContaining('expiresAt must be a moment that exists, as RFC 3339 writes it with its time zone')],
    ['a configuration that is no object', { configuration: [] }, '/configuration', 'configuration must be an object'],
    ['a configuration of null', { configuration: null }, '/configuration', 'configuration must be an object'],
    ['a configuration over 64 KiB', { configuration: { a: 'x'.repeat(65_536) } }, '/configuration', expect.stringContaining('65536 bytes')],
    ['permissions that are no list', { permissions: 'all' }, '/permissions', 'permissions must be an array'],
    ['a permission twice', { permissions: ['a', 'a'] }, '/permissions', 'permissions must not have anything twice'],
    ['an empty permission', { permissions: [''] }, '/permissions', expect.stringContaining('longer than or equal to 1')],
    ['101 permissions', { permissions: Array.from({ length: 101 }, String) }, '/permissions', expect.stringContaining('100')],
    ['an unknown field', { colour: 'red' }, '/colour', 'unknown field colour'],
  ])('refuses %s', async (_, body, pointer, message) => {
    const answer = await grant((await anAgent(hive)).id, (await aTool(hive)).id, body);
    expect(answer.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer, message })]) });
  });

  it('takes a grant back once', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    await grant(agent.id, id);
    expect((await hive.delete(`/v1/agents/${agent.id}/tools/${id}`)).status).toBe(204);
    expect(await granted(agent, 'includeExpired=true')).toEqual([]);
    expect((await hive.delete(`/v1/agents/${agent.id}/tools/${id}`)).status).toBe(404);
  });

  it('keeps a tool that has grants, expired ones too, and says how many', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    await grant(agent.id, id, { expiresAt: FUTURE });
    await grant((await anAgent(hive)).id, id);
    await expire(agent, id);
    const refused = await hive.delete(`/v1/tools/${id}`, { headers: { 'if-match': '*' } });
    expect(refused.body).toMatchObject({ status: 409, code: 'in-use', counts: { 'agents.tool_grant': 2 } });
  });

  it('keeps the record of a grant under its agent', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    await grant(agent.id, id, { permissions: ['read'] });
    await grant(agent.id, id, { permissions: ['read'] });
    await grant(agent.id, id, { permissions: ['write'] });
    await hive.delete(`/v1/agents/${agent.id}/tools/${id}`);
    const entries = await actions(`agentId=${agent.id}&action=tool_grant.*`);
    expect(entries.map((e) => e.action)).toEqual(['tool_grant.deleted', 'tool_grant.updated', 'tool_grant.created']);
    expect(entries[1]).toMatchObject({ subject: { id: `${agent.id}/${id}` }, previousState: { permissions: ['read'] }, newState: { permissions: ['write'] } });
  });

  it("refuses an unknown agent or tool, and another tenant's exactly so", async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    const other = principal();
    const [theirs, theirTool] = [await anAgent(hive, {}, { as: other }), await aTool(hive, {}, { as: other })];
    const unknown = newId();
    for (const [foreign, missing, noun] of [
      [await grant(theirs.id, id), await grant(unknown, id), 'agent'],
      [await grant(agent.id, theirTool.id), await grant(agent.id, unknown), 'tool'],
      [await hive.get<Problem>(`/v1/agents/${theirs.id}/tools`), await hive.get<Problem>(`/v1/agents/${unknown}/tools`), 'agent'],
      [await hive.get<Problem>(`/v1/tools/${theirTool.id}/agents`), await hive.get<Problem>(`/v1/tools/${unknown}/agents`), 'tool'],
      [await hive.delete<Problem>(`/v1/agents/${theirs.id}/tools/${id}`), await hive.delete<Problem>(`/v1/agents/${unknown}/tools/${id}`), 'tool grant'],
    ] as const) {
      expect(foreign.body).toMatchObject({ status: 404, noun });
      expect(neutral(foreign as TestAnswer<Problem>, theirs.id, theirTool.id)).toBe(neutral(missing as TestAnswer<Problem>, unknown));
    }
    expect((await grant('x', id)).body).toMatchObject({ status: 422, errors: [{ pointer: '/id' }] });
    expect((await grant(agent.id, 'x')).body).toMatchObject({ status: 422, errors: [{ pointer: '/toolId' }] });
    expect((await hive.get(`/v1/agents/${agent.id}/tools?includeExpired=maybe`)).status).toBe(422);
  });

  it('makes one grant of ten parallel first ones', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => grant(agent.id, id, { configuration: { i } })));
    expect(answers.map((a) => a.status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
    expect(await granted(agent)).toHaveLength(1);
  });

  it('never leaves a grant on a deleted tool when both come at once', async () => {
    for (let round = 0; round < 5; round++) {
      const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
      const [put, removed] = await Promise.all([grant(agent.id, id), hive.delete(`/v1/tools/${id}`, { headers: { 'if-match': '*' } })]);
      expect([[201, 409], [404, 204]]).toContainEqual([put.status, removed.status]);
    }
  });

  it('needs agents:read to list and agents:write to grant', async () => {
    const [agent, { id }] = [await anAgent(hive), await aTool(hive)];
    const as = principal({ tenantId: hive.me.tenantId, scopes: ['agents:read', 'tools:write'] });
    expect((await hive.get(`/v1/agents/${agent.id}/tools`, { as })).status).toBe(200);
    expect((await grant(agent.id, id, {}, { as })).body).toMatchObject({ status: 403, scope: 'agents:write' });
  });

  it('finds agents by capability with their tools in one query (counted on the wire of the embedded engine) [S2.75, S2.61]', async () => {
    const me = principal();
    const [first, second] = [await anAgent(hive, { capabilities: ['web_search'] }, { as: me }), await anAgent(hive, { capabilities: ['web_search'] }, { as: me })];
    await anAgent(hive, { capabilities: ['sql'] }, { as: me });
    const [search, crawl] = [await aTool(hive, { name: 'search' }, { as: me }), await aTool(hive, { name: 'crawl' }, { as: me })];
    for (const [agent, { id }] of [[first, search], [first, crawl], [second, search]] as const) await grant(agent.id, id, { permissions: ['read'] }, { as: me });
    const statements = await statementsOf(async () => {
      const { body } = await hive.get<{ items: AgentDto[] }>('/v1/agents?capability=web_search&includeTools=true', { as: me });
      expect(body.items).toMatchObject([{ id: second.id, tools: [{ toolId: search.id }] }, { id: first.id, tools: [{ name: 'crawl' }, { name: 'search', permissions: ['read'] }] }]);
    });
    if (testEngine() === 'embedded') expect(statements.filter((text) => text.includes(' agents.'))).toEqual([expect.stringMatching(/join agents\.tool /)]);
  });

  /** Messages with statements that reach the embedded engine meanwhile. */
  async function statementsOf(work: () => Promise<void>): Promise<string[]> {
    const pglite = hive.database.embedded?.pglite;
    const send = pglite?.execProtocolStream.bind(pglite);
    const messages: string[] = [];
    if (pglite && send) {
      pglite.execProtocolStream = (message, options) => {
        messages.push(Buffer.from(message).toString());
        return send(message, options);
      };
    }
    await work();
    if (pglite && send) pglite.execProtocolStream = send;
    return messages;
  }
});
