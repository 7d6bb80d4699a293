import { newId } from '@agent-hive/kernel';
import { principal, type TestAnswer, type TestApp } from '@agent-hive/kernel/testing';
import type { ToolDto } from '../src/tool/tool.dto.js';
import { agentsApp, aTool, TOOL_SCHEMA } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors: { pointer: string; message: string; allowed?: string[] }[];
}

describe('tools', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const tool = (overrides: object = {}) => ({ name: `tool ${newId()}`, version: '1.0.0', schema: TOOL_SCHEMA, ...overrides });
  const aServer = async () => (await hive.post<{ id: string }>('/v1/mcp-servers', { name: newId(), transport: 'stdio', command: 'serve' })).body.id;
  const patch = (id: string, body: object, headers: Record<string, string> = { 'if-match': '"1"' }) => hive.patch<ToolDto & Problem>(`/v1/tools/${id}`, body, { headers });
  const actions = async (query: string) => (await hive.get<{ items: Record<string, unknown>[] }>(`/v1/audit/entries?${query}`)).body.items;
  const neutral = ({ body }: TestAnswer<Problem>, ...ids: string[]) => ids.reduce((text, id) => text.replaceAll(id, 'ID'), JSON.stringify({ ...body, requestId: '' }));

  describe('registration', () => {
    it('keeps a schema whose properties have names of built-ins', async () => {
      const schema = { type: 'object', properties: { constructor: { type: 'string' }, valueOf: { type: 'number' } }, required: ['constructor'] };
      const { id } = await aTool(hive, { schema, toolMetadata: { constructor: { a: 1 } } });
      expect((await hive.get<ToolDto>(`/v1/tools/${id}`)).body).toMatchObject({ schema, toolMetadata: { constructor: { a: 1 } } });
      expect((await patch(id, { toolMetadata: { constructor: { a: 2 } } })).body).toMatchObject({ schema, toolMetadata: { constructor: { a: 2 } } });
    });

    it('reads back what was registered, with defaults, Location and ETag [S2.10, S3.81-S3.88]', async () => {
      const server = await aServer();
      const input = tool({ source: 'npm:web-search', securityLevel: 'high', mcpServerId: server, description: 'finds pages', toolMetadata: { owner: 'search' } });
      const made = await hive.post<ToolDto>('/v1/tools', input);
      expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, `/v1/tools/${made.body.id}`, '"1"']);
      expect(made.body).toMatchObject({ ...input, version: '1.0.0', revision: 1 });
      expect(Date.now() - Date.parse(made.body.registeredAt)).toBeLessThan(10_000);
      const read = await hive.get<ToolDto>(`/v1/tools/${made.body.id}`);
      expect([read.body, read.headers.get('etag')]).toEqual([made.body, '"1"']);
      expect(await aTool(hive)).toMatchObject({ securityLevel: 'low', source: null, description: null, mcpServerId: null, toolMetadata: {} });
    });

    it('keeps a schema exactly, names of Object.prototype included', async () => {
      const schema = { type: 'object', properties: { toString: { const: null }, valueOf: { type: 'string' }, then: {}, length: { enum: [1, 'a'] } } };
      const made = await aTool(hive, { schema });
      expect((await hive.get<ToolDto>(`/v1/tools/${made.id}`)).body.schema).toEqual(schema);
    });

    it.each([
      ['of draft 2020-12', { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }], $defs: { a: { $anchor: 'a' } }, $ref: '#a' }],
      ['of draft 7', { $schema: 'http://json-schema.org/draft-07/schema#', definitions: { a: { type: 'object' } }, properties: { a: { $ref: '#/definitions/a' } } }],
      ['of draft 7 without the fragment', { $schema: 'http://json-schema.org/draft-07/schema', items: [{ type: 'string' }] }],
      ['that refers to itself', { $id: 'https://example.com/tree', properties: { children: { items: { $ref: '#' } } } }],
      ['with formats and keywords of its own', { properties: { at: { type: 'string', format: 'moon-phase' } }, 'x-order': 1 }],
      ['that says nothing', {}],
    ])('takes a schema %s', async (_, schema) => {
      expect((await aTool(hive, { schema })).schema).toEqual(schema);
    });

    it.each([
      ['an unknown type in it', { type: 'objekt' }, /type/],
      ['a keyword of the wrong form', { properties: [] }, /properties/],
      ['a remote $ref', { $ref: 'https://example.com/other.json' }, /can't resolve reference https:\/\/example.com/],
      ['a $ref that leads nowhere', { properties: { a: { $ref: '#/$defs/gone' } } }, /can't resolve reference #\/\$defs\/gone/],
      ['a pattern that is no regular expression', { pattern: '(' }, /regular expression/],
      ['two anchors of one name', { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } }, /x/],
      ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, /\$schema must be one of: https:.*, http:/],
      ['a $schema that is no text', { $schema: { a: 1 } }, /\$schema must be one of/],
      ['too much to compile', { allOf: Array<boolean>(6000).fill(false) }, /too large to compile/],
      ['more than 64 KiB', { description: 'x'.repeat(65_536) }, /at most 65536 bytes as JSON, and has 65554/],
      ['a list in place of an object', [], /must be an object/],
      ['a boolean in place of an object', true, /must be an object/],
    ])('refuses a schema with %s', async (_, schema, message) => {
      const { body } = await hive.post<Problem>('/v1/tools', tool({ schema }));
      expect(body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: '/schema', message: expect.stringMatching(message) })]) });
    });

    it.each([
      ['no name', { name: undefined }, '/name'],
      ['an empty name', { name: '' }, '/name'],
      ['a name over 100 characters', { name: 'x'.repeat(101) }, '/name'],
      ['a name of two lines', { name: 'a\nb' }, '/name'],
      ['a name with a space at its end', { name: 'a ' }, '/name'],
      ['a version that is no text', { version: 1 }, '/version'],
      ['a version over 50 characters', { version: '1'.repeat(51) }, '/version'],
      ['no schema', { schema: undefined }, '/schema'],
      ['an unknown security level', { securityLevel: 'extreme' }, '/securityLevel'],
      ['a security level of null', { securityLevel: null }, '/securityLevel'],
      ['a malformed server id', { mcpServerId: 'x' }, '/mcpServerId'],
      ['a source over 500 characters', { source: 'x'.repeat(501) }, '/source'],
      ['a description over 2000 characters', { description: 'x'.repeat(2001) }, '/description'],
      ['metadata over 16 KiB', { toolMetadata: { a: 'x'.repeat(16_384) } }, '/toolMetadata'],
      ['metadata of null', { toolMetadata: null }, '/toolMetadata'],
      ['a NUL character', { description: 'a\0b' }, '/description'],
      ['an unknown field', { colour: 'red' }, '/colour'],
    ])('refuses %s', async (_, overrides, pointer) => {
      const { body } = await hive.post<Problem>('/v1/tools', tool(overrides));
      expect(body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    });

    it('names the levels that there are', async () => {
      const { body } = await hive.post<Problem>('/v1/tools', tool({ securityLevel: 'extreme' }));
      expect(body.errors[0]!.message).toBe('securityLevel must be one of: low, medium, high, critical');
    });

    it('refuses name and version that are taken, takes another version, and leaves other tenants free to use them', async () => {
      const { name } = await aTool(hive);
      expect((await hive.post('/v1/tools', tool({ name }))).body).toMatchObject({ status: 409, code: 'conflict', detail: expect.stringContaining(`${name} 1.0.0`) });
      await aTool(hive, { name, version: '1.0.1' });
      await aTool(hive, { name }, { as: principal() });
    });

    it('makes one tool of ten parallel registrations', async () => {
      const input = tool();
      const answers = await Promise.all(Array.from({ length: 10 }, () => hive.post('/v1/tools', input)));
      expect(answers.map((a) => a.status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
    });

    it('answers a repeat under one Idempotency-Key with the first tool', async () => {
      const headers = { 'idempotency-key': newId() };
      const input = tool();
      const [first, again] = [await hive.post<ToolDto>('/v1/tools', input, { headers }), await hive.post<ToolDto>('/v1/tools', input, { headers })];
      expect([again.status, again.body, again.headers.get('etag')]).toEqual([201, first.body, '"1"']);
    });

    it("refuses an MCP server that is not there, or another tenant's, as not found", async () => {
      const [server, unknown, other] = [await aServer(), newId(), principal()];
      const foreign = await hive.post<Problem>('/v1/tools', tool({ mcpServerId: server }), { as: other });
      const missing = await hive.post<Problem>('/v1/tools', tool({ mcpServerId: unknown }), { as: other });
      expect(foreign.body).toMatchObject({ status: 404, noun: 'MCP server' });
      expect(neutral(foreign, server)).toBe(neutral(missing, unknown));
    });
  });

  describe('the catalogue', () => {
    it('lists newest first, by name and by server, in pages that stay stable', async () => {
      const me = principal();
      const server = (await hive.post<{ id: string }>('/v1/mcp-servers', { name: 's', transport: 'http', url: 'https://example.com' }, { as: me })).body.id;
      const a1 = await aTool(hive, { name: 'a', version: '1' }, { as: me });
      const a2 = await aTool(hive, { name: 'a', version: '2' }, { as: me });
      const b = await aTool(hive, { name: 'b', mcpServerId: server }, { as: me });
      const ids = async (query: string) => (await hive.get<{ items: ToolDto[] }>(`/v1/tools?${query}`, { as: me })).body.items.map((t) => t.id);
      expect(await ids('name=a')).toEqual([a2.id, a1.id]);
      expect(await ids(`mcpServerId=${server}`)).toEqual([b.id]);
      expect(await ids('name=c')).toEqual([]);
      const first = await hive.get<{ items: ToolDto[]; nextCursor: string; total: number }>('/v1/tools?limit=2&total=true', { as: me });
      expect([first.body.items.map((t) => t.id), first.body.total]).toEqual([[b.id, a2.id], 3]);
      await aTool(hive, {}, { as: me });
      expect((await hive.get(`/v1/tools?limit=2&cursor=${first.body.nextCursor}`, { as: me })).body).toMatchObject({ items: [{ id: a1.id }], nextCursor: null });
    });

    it.each(['limit=0', 'cursor=nonsense', `cursor=${Buffer.from('["x"]').toString('base64url')}`, 'mcpServerId=x', 'colour=red'])('refuses the query %s', async (query) => {
      expect((await hive.get(`/v1/tools?${query}`)).status).toBe(422);
    });

    it('changes what is given, clears what is null, keeps the rest, and moves the revision', async () => {
      const { id } = await aTool(hive, { source: 'npm:a', description: 'old', toolMetadata: { a: { b: 1 } } });
      const changed = await patch(id, { description: 'new', source: null, securityLevel: 'critical', toolMetadata: { c: 2 } });
      expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
      expect(changed.body).toMatchObject({ description: 'new', source: null, securityLevel: 'critical', toolMetadata: { c: 2 }, schema: TOOL_SCHEMA, revision: 2 });
      expect((await patch(id, { description: null }, { 'if-match': '"2"' })).body).toMatchObject({ description: null, securityLevel: 'critical', revision: 3 });
      expect((await patch(id, {}, { 'if-match': '*' })).body).toMatchObject({ revision: 3 });
    });

    it.each(['name', 'version', 'schema', 'mcpServerId'])('refuses a change of %s, which is fixed for a registered version', async (field) => {
      const { id } = await aTool(hive);
      const { body } = await patch(id, { [field]: field === 'schema' ? {} : 'x' });
      expect(body).toMatchObject({ status: 422, errors: [{ pointer: `/${field}`, message: `unknown field ${field}` }] });
    });

    it.each([
      ['a security level of null', { securityLevel: null }],
      ['metadata of null', { toolMetadata: null }],
      ['an unknown security level', { securityLevel: 'none' }],
    ])('refuses a change to %s', async (_, body) => {
      expect((await patch((await aTool(hive)).id, body)).status).toBe(422);
    });

    it('needs If-Match to change and to delete, and refuses a stale one', async () => {
      const { id } = await aTool(hive);
      await patch(id, { description: 'second' });
      expect((await patch(id, {}, {})).status).toBe(428);
      expect((await patch(id, { description: 'x' })).body).toMatchObject({ status: 412, code: 'stale' });
      expect((await hive.delete(`/v1/tools/${id}`)).status).toBe(428);
      expect((await hive.delete(`/v1/tools/${id}`, { headers: { 'if-match': '"1"' } })).status).toBe(412);
      expect((await hive.delete(`/v1/tools/${id}`, { headers: { 'if-match': '"2"' } })).status).toBe(204);
      expect((await hive.get(`/v1/tools/${id}`)).status).toBe(404);
    });

    it('lets one of ten parallel changes of one revision through', async () => {
      const { id } = await aTool(hive);
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => patch(id, { description: `d${i}` })));
      expect(answers.map((a) => a.status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
      expect((await hive.get<ToolDto>(`/v1/tools/${id}`)).body.revision).toBe(2);
    });

    it('keeps the record: registered, changed with before and after, deleted', async () => {
      const { id } = await aTool(hive, { description: 'before' });
      await patch(id, { description: 'after' });
      await hive.delete(`/v1/tools/${id}`, { headers: { 'if-match': '*' } });
      const entries = await actions(`subjectType=tool&subjectId=${id}`);
      expect(entries.map((e) => e.action)).toEqual(['tool.deleted', 'tool.updated', 'tool.created']);
      expect(entries[1]).toMatchObject({ previousState: { description: 'before' }, newState: { description: 'after' } });
      expect(entries[2]).toMatchObject({ newState: { schema: TOOL_SCHEMA, toolVersion: '1.0.0' } });
    });

    it("answers another tenant's tool exactly as an unknown one", async () => {
      const [{ id }, unknown, as] = [await aTool(hive), newId(), principal()];
      for (const [method, body, headers] of [['GET'], ['PATCH', {}, { 'if-match': '*' }], ['DELETE', undefined, { 'if-match': '*' }]] as const) {
        const foreign = await hive.request<Problem>(method, `/v1/tools/${id}`, { as, body, headers });
        expect(foreign.status).toBe(404);
        expect(neutral(foreign, id)).toBe(neutral(await hive.request<Problem>(method, `/v1/tools/${unknown}`, { as, body, headers }), unknown));
      }
      expect((await hive.get('/v1/tools/x')).status).toBe(422);
    });

    it('needs tools:read to read and tools:write to write', async () => {
      const as = (scope: string) => principal({ tenantId: hive.me.tenantId, scopes: [scope] });
      expect((await hive.get('/v1/tools', { as: as('tools:read') })).status).toBe(200);
      expect((await hive.get('/v1/tools', { as: as('tools:write') })).body).toMatchObject({ status: 403, scope: 'tools:read' });
      expect((await hive.post('/v1/tools', tool(), { as: as('tools:read') })).body).toMatchObject({ status: 403, scope: 'tools:write' });
    });
  });
});
