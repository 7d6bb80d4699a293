import { newId } from '@agent-hive/kernel';
import { principal, type TestAnswer, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { AssignedAgentDto, AssignedMcpServerDto } from '../src/mcp-server/mcp-server-assignment.dto.js';
import type { McpServerDto } from '../src/mcp-server/mcp-server.dto.js';
import { agentsApp, anAgent } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors: { pointer: string; message: string }[];
}

const MASK = '********';

describe('MCP servers', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const stdio = (overrides: object = {}) => ({ name: `server ${newId()}`, transport: 'stdio', command: 'npx', ...overrides });
  const http = (overrides: object = {}) => ({ name: `server ${newId()}`, transport: 'http', url: 'https://example.com/mcp', ...overrides });
  async function aServer(input: object = stdio(), request: TestRequest = {}): Promise<McpServerDto> {
    const made = await hive.post<McpServerDto>('/v1/mcp-servers', input, request);
    expect(made.body).toMatchObject({ id: expect.any(String) });
    return made.body;
  }
  const patch = (id: string, body: object, headers: Record<string, string> = { 'if-match': '*' }) =>
    hive.patch<McpServerDto & Problem>(`/v1/mcp-servers/${id}`, body, { headers });
  const assign = (agentId: string, serverId: string, body: object = {}) => hive.put<AssignedMcpServerDto & Problem>(`/v1/agents/${agentId}/mcp-servers/${serverId}`, body);
  const assigned = async (agentId: string) => (await hive.get<{ items: AssignedMcpServerDto[] }>(`/v1/agents/${agentId}/mcp-servers`)).body.items;
  const entries = async (query: string) => (await hive.get<{ items: Record<string, unknown>[] }>(`/v1/audit/entries?${query}`)).body.items;
  const neutral = ({ body }: TestAnswer<Problem>, ...ids: string[]) => ids.reduce((text, id) => text.replaceAll(id, 'ID'), JSON.stringify({ ...body, requestId: '' }));
  /** What the database holds, which no answer tells. */
  const stored = async ({ id }: McpServerDto) =>
    (await hive.database.execute<{ env: object; headers: object }>(hive.orm, `select env, headers from agents.mcp_server where id = '${id}'`))[0]!;

  describe('registration', () => {
    it('reads back a stdio server, with defaults, Location and ETag [S5.35]', async () => {
      const input = stdio({ description: 'files', args: ['-y', 'server-files', '/data'], env: { TOKEN: 's3cret', _PATH2: '' }, timeoutMs: 5000, isEnabled: false });
      const made = await hive.post<McpServerDto>('/v1/mcp-servers', input);
      expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, `/v1/mcp-servers/${made.body.id}`, '"1"']);
      expect(made.body).toMatchObject({ ...input, env: { TOKEN: MASK, _PATH2: MASK }, url: null, headers: {}, version: 1 });
      const read = await hive.get<McpServerDto>(`/v1/mcp-servers/${made.body.id}`);
      expect([read.body, read.headers.get('etag')]).toEqual([made.body, '"1"']);
      expect(await aServer(stdio())).toMatchObject({ description: null, args: [], env: {}, timeoutMs: 30_000, isEnabled: true });
    });

    it.each([
      ['https with path and query', 'https://mcp.example.com:8443/a/b?tenant=1'],
      ['http on an address', 'http://127.0.0.1:3000'],
      ['http on an IPv6 address', 'http://[::1]:3000/mcp'],
    ])('reads back an http server: %s', async (_, url) => {
      const made = await aServer(http({ url, headers: { 'X-Api-Key': 'k', "a!#$%&'*+-.^_`|~9": '\tv\u00e9' } }));
      expect(made).toMatchObject({ transport: 'http', url, command: null, args: [], env: {}, headers: { 'X-Api-Key': MASK, "a!#$%&'*+-.^_`|~9": MASK } });
    });

    it('takes what the other transport would hold when it is empty', async () => {
      await aServer(http({ command: null, args: [], env: {} }));
      await aServer(stdio({ url: null, headers: {} }));
    });

    it.each([
      ['a stdio server without a command', stdio({ command: undefined }), '/command', 'a stdio server needs a command'],
      ['a stdio server with a command of null', stdio({ command: null }), '/command', 'a stdio server needs a command'],
      ['an empty command', stdio({ command: '' }), '/command', /longer than or equal to 1/],
      ['a blank command', stdio({ command: '  ' }), '/command', /one line/],
      ['a command with a control character', stdio({ command: 'npx\u0007' }), '/command', /control characters/],
      ['a command of two lines', stdio({ command: 'a\nb' }), '/command', /one line/],
      ['a command over 1000 characters', stdio({ command: 'x'.repeat(1001) }), '/command', /1000/],
      ['args that are no list', stdio({ args: '-y' }), '/args', /array/],
      ['args of null', stdio({ args: null }), '/args', /array/],
      ['an argument that is no text', stdio({ args: [1] }), '/args', /string/],
      ['an argument over 4096 characters', stdio({ args: ['x'.repeat(4097)] }), '/args', /4096/],
      ['101 args', stdio({ args: Array<string>(101).fill('a') }), '/args', /100/],
      ['a NUL in an argument', stdio({ args: ['a\0'] }), '/args/0', /NUL/],
      ['a stdio server with a url', stdio({ url: 'https://example.com' }), '/url', /takes no url/],
      ['a stdio server with headers', stdio({ headers: { a: 'b' } }), '/headers', /takes no headers/],
      ['env that is a list', stdio({ env: ['A=b'] }), '/env', /object/],
      ['env of null', stdio({ env: null }), '/env', /object/],
      ['an env name that begins with a digit', stdio({ env: { '1A': 'x' } }), '/env/1A', /letters, digits and underscores/],
      ['an env name with a slash', stdio({ env: { 'A/~B': 'x' } }), '/env/A~1~0B', /letters, digits and underscores/],
      ['an empty env name', stdio({ env: { '': 'x' } }), '/env/', /letters, digits and underscores/],
      ['an env name over 200 characters', stdio({ env: { ['A'.repeat(201)]: 'x' } }), `/env/${'A'.repeat(201)}`, /200/],
      ['an env value that is no text', stdio({ env: { A: 1 } }), '/env/A', /must be a text/],
      ['an env value with a line feed', stdio({ env: { A: 'x\ny' } }), '/env/A', /without line breaks/],
      ['an env value with a carriage return', stdio({ env: { A: 'x\ry' } }), '/env/A', /without line breaks/],
      ['an env value with a NUL', stdio({ env: { A: 'x\0y' } }), '/env/A', /NUL/],
      ['an env value over 8192 characters', stdio({ env: { A: 'x'.repeat(8193) } }), '/env/A', /8192/],
      ['101 env names', stdio({ env: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`A${i}`, ''])) }), '/env', /at most 100 names/],
      ['env over 64 KiB', stdio({ env: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`A${i}`, 'x'.repeat(8000)])) }), '/env', /65536 bytes/],
      ['an http server without a url', http({ url: undefined }), '/url', 'an http server needs a url'],
      ['an http server with a command', http({ command: 'npx' }), '/command', /takes no command/],
      ['an http server with args', http({ args: ['a'] }), '/args', /takes no args/],
      ['an http server with env', http({ env: { A: 'b' } }), '/env', /takes no env/],
      ['a header name that is no token', http({ headers: { 'a b': 'x' } }), '/headers/a b', /RFC 9110/],
      ['an empty header name', http({ headers: { '': 'x' } }), '/headers/', /RFC 9110/],
      ['a header name twice but for case', http({ headers: { 'X-Key': 'a', 'x-key': 'b' } }), '/headers/x-key', /twice/],
      ['a header value with a line feed', http({ headers: { a: 'x\nb: y' } }), '/headers/a', /on one line/],
      ['a header value with a carriage return', http({ headers: { a: 'x\ry' } }), '/headers/a', /on one line/],
      ['a header value beyond Latin-1', http({ headers: { a: '\u20ac' } }), '/headers/a', /Latin-1/],
      ['a header value that is no text', http({ headers: { a: null } }), '/headers/a', /must be a text/],
      ['an unknown transport', stdio({ transport: 'sse' }), '/transport', 'transport must be one of: stdio, http'],
      ['no transport', stdio({ transport: undefined }), '/transport', 'transport must be one of: stdio, http'],
      ['no name', stdio({ name: undefined }), '/name', /string/],
      ['a name over 100 characters', stdio({ name: 'x'.repeat(101) }), '/name', /100/],
      ['a timeout that is too short', stdio({ timeoutMs: 99 }), '/timeoutMs', /100/],
      ['a timeout that is too long', stdio({ timeoutMs: 600_001 }), '/timeoutMs', /600000/],
      ['a timeout of null', stdio({ timeoutMs: null }), '/timeoutMs', /integer/],
      ['isEnabled that is no boolean', stdio({ isEnabled: 'yes' }), '/isEnabled', /boolean/],
      ['isEnabled of null', stdio({ isEnabled: null }), '/isEnabled', /boolean/],
      ['a masked value, when none is stored', stdio({ env: { A: MASK } }), '/env/A', /none is stored for A/],
      ['an unknown field', stdio({ colour: 'red' }), '/colour', 'unknown field colour'],
    ])('refuses %s', async (_, body, pointer, message) => {
      const answer = await hive.post<Problem>('/v1/mcp-servers', body);
      expect(answer.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer, message: expect.stringMatching(message) })]) });
    });

    it.each([
      'example.com/mcp', '/mcp', 'ftp://example.com', 'file:///etc/passwd', 'javascript:alert(1)', 'http:example.com', 'https://', 'https:///a', 'https://a b/', 'https://example.com/a\tb',
      ' https://example.com', 'https://example.com:99999', 'https://user@example.com', 'https://user:password@example.com', 'https://:password@example.com', 'https://example.com/#top', 'https://example.com/#', '',
    ])('refuses the url %j', async (url) => {
      expect((await hive.post('/v1/mcp-servers', http({ url }))).body).toMatchObject({ status: 422, errors: [{ pointer: '/url' }] });
    });

    it('names every broken field at once, and repeats no value', async () => {
      const { body } = await hive.post<Problem>('/v1/mcp-servers', { name: 'x', transport: 'http', command: 'npx', headers: { 'a b': 'top-secret\n' } });
      expect(body.errors.map((e) => e.pointer).sort()).toEqual(['/command', '/headers/a b', '/headers/a b', '/url']);
      expect(JSON.stringify(body)).not.toContain('top-secret');
    });

    it('refuses a name that is taken, on creation and on change, and leaves other tenants free to use it', async () => {
      const [{ name }, other] = [await aServer(), await aServer()];
      expect((await hive.post('/v1/mcp-servers', http({ name }))).body).toMatchObject({ status: 409, code: 'conflict', detail: expect.stringContaining(name) });
      expect((await patch(other.id, { name })).body).toMatchObject({ status: 409, code: 'conflict' });
      await aServer(http({ name }), { as: principal() });
    });
  });

  it('lists newest first, by name, in pages that stay stable', async () => {
    const me = principal();
    const [a, b, c] = [await aServer(stdio({ name: 'a' }), { as: me }), await aServer(http({ headers: { k: 'secret' } }), { as: me }), await aServer(stdio(), { as: me })];
    const first = await hive.get<{ items: McpServerDto[]; nextCursor: string; total: number }>('/v1/mcp-servers?limit=2&total=true', { as: me });
    expect(first.body).toMatchObject({ items: [{ id: c.id }, { id: b.id, headers: { k: MASK } }], total: 3 });
    await aServer(stdio(), { as: me });
    expect((await hive.get(`/v1/mcp-servers?limit=2&cursor=${first.body.nextCursor}`, { as: me })).body).toMatchObject({ items: [{ id: a.id }], nextCursor: null });
    expect((await hive.get('/v1/mcp-servers?name=a', { as: me })).body).toMatchObject({ items: [{ id: a.id }] });
    for (const query of ['limit=101', 'cursor=x', 'colour=red']) expect((await hive.get(`/v1/mcp-servers?${query}`)).status).toBe(422);
  });

  describe('changes', () => {
    it('changes what is given, keeps the rest, and moves the version', async () => {
      const server = await aServer(stdio({ args: ['a'], description: 'd' }));
      const changed = await patch(server.id, { command: 'uvx', timeoutMs: 100, isEnabled: false, description: null }, { 'if-match': '"1"' });
      expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
      expect(changed.body).toMatchObject({ name: server.name, command: 'uvx', args: ['a'], timeoutMs: 100, isEnabled: false, description: null, version: 2 });
    });

    it('checks the form that results as a whole', async () => {
      const { id } = await aServer(stdio({ args: ['a'], env: { A: 'x' } }));
      const half = await patch(id, { transport: 'http', url: 'https://example.com' });
      expect(half.body.errors.map((e) => e.pointer).sort()).toEqual(['/args', '/command', '/env']);
      expect((await patch(id, { command: null })).body).toMatchObject({ status: 422, errors: [{ pointer: '/command' }] });
      expect((await patch(id, { url: 'https://example.com' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/url' }] });
      const whole = await patch(id, { transport: 'http', url: 'https://example.com', command: null, args: [], env: {} });
      expect(whole.body).toMatchObject({ transport: 'http', url: 'https://example.com', command: null, args: [], env: {} });
      expect((await patch(id, { transport: 'stdio' })).body.errors.map((e) => e.pointer).sort()).toEqual(['/command', '/url']);
    });

    it.each([
      ['a name of null', { name: null }],
      ['a transport of null', { transport: null }],
      ['headers of null', { headers: null }],
      ['an unknown field', { colour: 'red' }],
    ])('refuses %s', async (_, body) => {
      expect((await patch((await aServer()).id, body)).status).toBe(422);
    });

    it('needs If-Match to change and to delete, and refuses a stale one', async () => {
      const { id } = await aServer();
      await patch(id, { timeoutMs: 200 });
      expect((await patch(id, {}, {})).status).toBe(428);
      expect((await patch(id, {}, { 'if-match': '"1"' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await hive.delete(`/v1/mcp-servers/${id}`)).status).toBe(428);
      expect((await hive.delete(`/v1/mcp-servers/${id}`, { headers: { 'if-match': '"1"' } })).status).toBe(412);
      expect((await hive.delete(`/v1/mcp-servers/${id}`, { headers: { 'if-match': '"2"' } })).status).toBe(204);
      expect((await hive.get(`/v1/mcp-servers/${id}`)).status).toBe(404);
    });

    it("answers another tenant's server exactly as an unknown one", async () => {
      const [{ id }, unknown, as] = [await aServer(), newId(), principal()];
      for (const [method, body, headers] of [['GET'], ['PATCH', {}, { 'if-match': '*' }], ['DELETE', undefined, { 'if-match': '*' }]] as const) {
        const foreign = await hive.request<Problem>(method, `/v1/mcp-servers/${id}`, { as, body, headers });
        expect(foreign.status).toBe(404);
        expect(neutral(foreign, id)).toBe(neutral(await hive.request<Problem>(method, `/v1/mcp-servers/${unknown}`, { as, body, headers }), unknown));
      }
    });

    it('needs mcp-servers:read to read and mcp-servers:write to write', async () => {
      const as = (scope: string) => principal({ tenantId: hive.me.tenantId, scopes: [scope] });
      expect((await hive.get('/v1/mcp-servers', { as: as('mcp-servers:write') })).body).toMatchObject({ status: 403, scope: 'mcp-servers:read' });
      expect((await hive.post('/v1/mcp-servers', stdio(), { as: as('mcp-servers:read') })).body).toMatchObject({ status: 403, scope: 'mcp-servers:write' });
    });
  });

  describe('secrets', () => {
    it('keeps a value that is sent back masked, changes the others, and forgets names that are left out', async () => {
      const server = await aServer(stdio({ env: { KEPT: 'one', CHANGED: 'two', GONE: 'three' } }));
      const changed = await patch(server.id, { env: { KEPT: MASK, CHANGED: 'four', ADDED: 'five' } });
      expect(changed.body.env).toEqual({ KEPT: MASK, CHANGED: MASK, ADDED: MASK });
      expect((await stored(server)).env).toEqual({ KEPT: 'one', CHANGED: 'four', ADDED: 'five' });
      await patch(server.id, { description: 'untouched' });
      expect((await stored(server)).env).toEqual({ KEPT: 'one', CHANGED: 'four', ADDED: 'five' });
      expect((await patch(server.id, { env: { GONE: MASK } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/env/GONE' }] });
    });

    it('never sends a stored value to another program or origin than the one it was given for', async () => {
      const remote = await aServer(http({ url: 'https://one.example/mcp', headers: { authorization: 'Bearer s3cret', 'x-team': 'a' } }));
      for (const body of [{ url: 'https://two.example/mcp' }, { url: 'http://one.example/mcp' }, { url: 'https://two.example/mcp', headers: { authorization: MASK, 'x-team': 'b' } }]) {
        const refused = await patch(remote.id, body);
        expect(refused.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: '/headers/authorization' })]) });
      }
      expect((await patch(remote.id, { url: 'https://one.example/v2/mcp' })).status).toBe(200);
      expect((await patch(remote.id, { url: 'https://two.example/mcp', headers: { authorization: 'Bearer new' } })).status).toBe(200);
      expect(await stored(remote)).toMatchObject({ headers: { authorization: 'Bearer new' } });
      const local = await aServer(stdio({ args: ['server'], env: { TOKEN: 's3cret' } }));
      for (const body of [{ command: 'curl' }, { args: ['other'] }]) expect((await patch(local.id, body)).body).toMatchObject({ status: 422, errors: [{ pointer: '/env/TOKEN' }] });
      expect((await patch(local.id, { args: ['other'], env: { TOKEN: 'again' } })).status).toBe(200);
    });

    it('takes back what GET told, and changes nothing by it', async () => {
      const server = await aServer(http({ headers: { authorization: 'Bearer s3cret' } }));
      const { id, version, createdAt, updatedAt, ...told } = (await hive.get<McpServerDto>(`/v1/mcp-servers/${server.id}`)).body;
      expect((await patch(id, told, { 'if-match': `"${version}"` })).body).toEqual({ id, version, createdAt, updatedAt, ...told });
      expect((await stored(server)).headers).toEqual({ authorization: 'Bearer s3cret' });
    });

    it('tells no value in an answer, a repeated answer, or the record, which keeps digests', async () => {
      const headers = { 'idempotency-key': newId() };
      const input = stdio({ env: { TOKEN: 'first-secret' } });
      const made = await hive.post<McpServerDto>('/v1/mcp-servers', input, { headers });
      const again = await hive.post<McpServerDto>('/v1/mcp-servers', input, { headers });
      expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([made.body, 'true']);
      const { id } = made.body;
      await patch(id, { env: { TOKEN: 'second-secret' } });
      await patch(id, { transport: 'http', url: 'https://example.com', headers: { a: 'third-secret' }, command: null, env: {} });
      await hive.delete(`/v1/mcp-servers/${id}`, { headers: { 'if-match': '*' } });
      const kept = await entries(`subjectType=mcp_server&subjectId=${id}`);
      expect(kept.map((e) => e.action)).toEqual(['mcp_server.deleted', 'mcp_server.updated', 'mcp_server.updated', 'mcp_server.created']);
      const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
      expect(kept[3]).toMatchObject({ newState: { command: 'npx', env: digest, headers: digest } });
      expect(kept[2]).toMatchObject({ previousState: { env: digest }, newState: { env: digest } });
      expect(kept[1]).toMatchObject({ newState: { headers: digest, url: 'https://example.com' } });
      expect(kept[0]).toMatchObject({ previousState: { env: digest, headers: digest } });
      const states = kept as unknown as { previousState: { env: string }; newState: { env: string } }[];
      expect(states[2]!.previousState.env).toBe(states[3]!.newState.env);
      expect(states[2]!.newState.env).not.toBe(states[2]!.previousState.env);
      expect(JSON.stringify([made.body, again.body, kept])).not.toMatch(/(first|second|third)-secret/);
    });
  });

  describe('assignments', () => {
    it('gives agents servers, each with its own configuration, many to many, and shows both sides [S5.28]', async () => {
      const [first, second] = [await anAgent(hive), await anAgent(hive)];
      const [one, two] = [await aServer(stdio({ env: { A: 's3cret' } })), await aServer(http({ isEnabled: false }))];
      const made = await assign(first.id, one.id, { configuration: { root: '/data' } });
      expect(made.status).toBe(201);
      expect(made.body).toEqual({
        serverId: one.id, name: one.name, description: null, transport: 'stdio', isEnabled: true, configuration: { root: '/data' }, assignedAt: expect.any(String),
      });
      await assign(first.id, two.id);
      await assign(second.id, one.id);
      expect(await assigned(first.id)).toEqual([expect.objectContaining({ serverId: two.id, isEnabled: false, configuration: {} }), made.body]);
      const agents = await hive.get<{ items: AssignedAgentDto[]; nextCursor: string }>(`/v1/mcp-servers/${one.id}/agents?limit=1&total=true`);
      expect(agents.body).toMatchObject({ total: 2, items: [{ agentId: second.id, agentName: second.name, configuration: {} }] });
      expect((await hive.get(`/v1/mcp-servers/${one.id}/agents?limit=1&cursor=${agents.body.nextCursor}`)).body).toMatchObject({ items: [{ agentId: first.id }], nextCursor: null });
      const servers = await hive.get<{ nextCursor: string }>(`/v1/agents/${first.id}/mcp-servers?limit=1&total=true`);
      expect(servers.body).toMatchObject({ total: 2, items: [{ serverId: two.id }] });
      expect((await hive.get(`/v1/agents/${first.id}/mcp-servers?limit=1&cursor=${servers.body.nextCursor}`)).body).toMatchObject({ items: [{ serverId: one.id }], nextCursor: null });
    });

    it('replaces the configuration on a repeat, and is taken back once', async () => {
      const [agent, { id }] = [await anAgent(hive), await aServer()];
      await assign(agent.id, id, { configuration: { a: { b: 1 } } });
      const changed = await assign(agent.id, id, { configuration: { c: 2 } });
      expect([changed.status, changed.body.configuration]).toEqual([200, { c: 2 }]);
      expect((await assign(agent.id, id)).body.configuration).toEqual({});
      expect((await hive.delete(`/v1/agents/${agent.id}/mcp-servers/${id}`)).status).toBe(204);
      expect((await hive.delete(`/v1/agents/${agent.id}/mcp-servers/${id}`)).status).toBe(404);
      expect(await assigned(agent.id)).toEqual([]);
      const kept = await entries(`agentId=${agent.id}&action=mcp_server_assignment.*`);
      expect(kept.map((e) => e.action)).toEqual([
        'mcp_server_assignment.deleted', 'mcp_server_assignment.updated', 'mcp_server_assignment.updated', 'mcp_server_assignment.created',
      ]);
      expect(kept[2]).toMatchObject({ subject: { id: `${agent.id}/${id}` }, previousState: { configuration: { a: { b: 1 } } }, newState: { configuration: { c: 2 } } });
    });

    it('keeps a server that agents or tools refer to, and says how many', async () => {
      const { id } = await aServer();
      await assign((await anAgent(hive)).id, id);
      await assign((await anAgent(hive)).id, id);
      await hive.post('/v1/tools', { name: newId(), version: '1', schema: {}, mcpServerId: id });
      const refused = await hive.delete(`/v1/mcp-servers/${id}`, { headers: { 'if-match': '*' } });
      expect(refused.body).toMatchObject({ status: 409, code: 'in-use', counts: { 'agents.mcp_server_assignment': 2, 'agents.tool': 1 } });
    });

    it.each([
      ['a configuration of null', { configuration: null }],
      ['a configuration that is a list', { configuration: [] }],
      ['a configuration over 64 KiB', { configuration: { a: 'x'.repeat(65_536) } }],
      ['an unknown field', { colour: 'red' }],
    ])('refuses %s', async (_, body) => {
      expect((await assign((await anAgent(hive)).id, (await aServer()).id, body)).status).toBe(422);
    });

    it("refuses an unknown agent or server, and another tenant's exactly so", async () => {
      const [agent, { id }, other, unknown] = [await anAgent(hive), await aServer(), principal(), newId()];
      const [theirs, theirServer] = [await anAgent(hive, {}, { as: other }), await aServer(stdio(), { as: other })];
      for (const [foreign, missing, noun] of [
        [await assign(theirs.id, id), await assign(unknown, id), 'agent'],
        [await assign(agent.id, theirServer.id), await assign(agent.id, unknown), 'MCP server'],
        [await hive.get<Problem>(`/v1/agents/${theirs.id}/mcp-servers`), await hive.get<Problem>(`/v1/agents/${unknown}/mcp-servers`), 'agent'],
        [await hive.get<Problem>(`/v1/mcp-servers/${theirServer.id}/agents`), await hive.get<Problem>(`/v1/mcp-servers/${unknown}/agents`), 'MCP server'],
        [await hive.delete<Problem>(`/v1/agents/${theirs.id}/mcp-servers/${id}`), await hive.delete<Problem>(`/v1/agents/${unknown}/mcp-servers/${id}`), 'MCP server assignment'],
      ] as const) {
        expect(foreign.body).toMatchObject({ status: 404, noun });
        expect(neutral(foreign as TestAnswer<Problem>, theirs.id, theirServer.id)).toBe(neutral(missing as TestAnswer<Problem>, unknown));
      }
      expect((await assign('x', id)).body).toMatchObject({ status: 422, errors: [{ pointer: '/id' }] });
      expect((await assign(agent.id, 'x')).body).toMatchObject({ status: 422, errors: [{ pointer: '/serverId' }] });
    });

    it('makes one assignment of ten parallel first ones', async () => {
      const [agent, { id }] = [await anAgent(hive), await aServer()];
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => assign(agent.id, id, { configuration: { i } })));
      expect(answers.map((a) => a.status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
      expect(await assigned(agent.id)).toHaveLength(1);
    });

    it('never leaves an assignment or a tool on a deleted server when they come at once', async () => {
      for (let round = 0; round < 5; round++) {
        const [agent, { id }] = [await anAgent(hive), await aServer()];
        const [put, tool, removed] = await Promise.all([
          assign(agent.id, id),
          hive.post('/v1/tools', { name: newId(), version: '1', schema: {}, mcpServerId: id }),
          hive.delete(`/v1/mcp-servers/${id}`, { headers: { 'if-match': '*' } }),
        ]);
        expect([[404, 404, 204], [201, 201, 409]]).toContainEqual([put.status, tool.status, removed.status]);
      }
    });
  });
});
