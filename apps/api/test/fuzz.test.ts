import { newId } from '@agent-hive/kernel';
import { testEngine } from '@agent-hive/kernel/testing';
import { readFileSync } from 'node:fs';
import { BODIES } from './operation-bodies.js';
import { insertSuggestion } from './operation-world.js';
import { ADMIN_KEY, openTestHive, root, type OpenTestHive } from './world.js';

/*
 * Generated from openapi.json: every operation, with one field or parameter at a time that nobody in their right mind would
 * send, the rest of the request being as it should. Whatever the answer is, it is the hive's own: never a failure (5xx), and a
 * problem when it is no success. An operation that is added there is tried here without anyone asking. On a server all of it is
 * tried; on the embedded engine, which takes three times as long, every third one of each operation.
 */
interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  minLength?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  allOf?: Schema[];
  oneOf?: Schema[];
  example?: unknown;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema: Schema;
}

interface Operation {
  operationId: string;
  'x-scope'?: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const document = JSON.parse(readFileSync(root('openapi.json'), 'utf8')) as { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } };
const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })));
type Tried = (typeof operations)[number];

const base64 = (text: string): string => Buffer.from(text).toString('base64url');

/** Names that every object has without having been given them. */
const INHERITED = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];

const DEEP = JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) as unknown;

/** What a field of a body gets, whatever it should be. */
const VALUES: unknown[] = [null, true, 1.5, '', 'x', 'a\0b', '\ud800', [null], { $ne: null }, { 'a\0b': 1 }, { a: '\ud800' }, DEEP, Object.fromEntries(INHERITED.map((name) => [name, 1]))];

/** What some get beside those, one after the other. */
const MORE_VALUES: unknown[] = [...INHERITED, -1, 1e308, Number.MAX_SAFE_INTEGER, [], {}, ' ', '\u202e👻', `';--`, '%_\\', ...INHERITED];

/** What a text gets. Variation selectors are characters that class-validator does not count. */
const LONG_TEXTS = ['x'.repeat(70_000), `x${'\ufe0f'.repeat(300)}`];

const MOMENTS = ['2099-02-31T00:00:00Z', '9999-12-31T23:59:59-23:59', '+275760-09-13T00:00:00.000Z', '0001-01-01T00:00:00Z', '-000001-01-01T00:00:00Z', '1969-01-01'];
const isMoment = (name: string): boolean => /At$|^(from|to)$/.test(name);

const URLS = ['http://[', 'HTTP://A', 'javascript:1', 'x'];
const isUrl = (name: string): boolean => /ur[il]$|^issuer$/i.test(name);

/** What every parameter gets, percent-encoded already. */
const TEXTS: string[] = ['', 'a%00b', '%ED%A0%80', '%FF', '%zz', 'null', '-1', '1e400', 'x'.repeat(201), 'x'.repeat(1500), '%7B%22a%22%3A1%7D', '__proto__'];

/** What some get beside those, one after the other. */
const MORE_TEXTS: string[] = ['%20', '%00', '%', 'true', '0', '99999999999999999999', '%EF%B8%8F'.repeat(90), '..', '%2e%2e', '%2F', '%5B%5D', '%22%5Cu0000%22', '%22%5Cud800%22', '%27%3B--', '%25_%5C', ...INHERITED];

/** Parameters that most operations have, with one check for all: they share the texts among them. */
const SHARED = ['id', 'toolId', 'serverId', 'limit', 'total', 'cursor'];

/** The next few of a list, which begins anew at its end: over all fields, each has its turn many times. */
function turns<T>(list: readonly T[], count: number): () => T[] {
  let at = 0;
  return () => Array.from({ length: count }, () => list[at++ % list.length]!);
}
const someValues = turns(MORE_VALUES, 4);
const someTexts = turns([...MORE_TEXTS, ...TEXTS], 6);
const someInherited = turns(INHERITED, 2);

/** Keys that a cursor might hold and no list gave out. */
const CURSORS = ['[]', '[null]', '["abc"]', '["a\\u0000b"]', '["\\ud800"]', '[1e308]', '["abc","x"]', '[1,2]', '["a","b","c"]', '[{}]', '{}', '"x"', '1', 'null', '[', `["${'x'.repeat(500)}"]`, ...INHERITED.map((name) => `["${name}"]`)].map(base64);

const IF_MATCH = ['', '*', '"0"', '"999999999"', '"9999999999"', 'W/"1"', '"1", "2"', 'x', '"-1"'];

function resolved(schema: Schema): Schema {
  if (schema.$ref) return resolved(document.components.schemas[schema.$ref.split('/').at(-1)!]!);
  const one = schema.allOf?.[0] ?? (schema.anyOf ?? schema.oneOf)?.find((s) => s.type !== 'null');
  return one ? { ...resolved(one), ...schema } : schema;
}

/** Fields that no schema can tell the value of. */
const KNOWN: Record<string, unknown> = {
  templateVersion: 1, type: 'general-purpose', url: 'https://example.com/', issuer: 'https://example.com/', jwksUri: 'https://example.com/k', schema: { type: 'object' }, scopes: [], items: [], requirements: {},
};

const typeOf = ({ type }: Schema): string | undefined => [type].flat().find((t) => t !== 'null');

/** A value as the schema wants it; of an object, the fields that must be there. Names are new each time. */
function sample(given: Schema, name = ''): unknown {
  const schema = resolved(given);
  if (Object.hasOwn(KNOWN, name)) return KNOWN[name];
  if (name === 'email' || name === 'slug' || name === 'name') return name === 'email' ? `${newId()}@example.com` : `n-${newId()}`;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.properties) return Object.fromEntries((schema.required ?? []).map((field) => [field, sample(schema.properties![field]!, field)]));
  const type = typeOf(schema);
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  return type === 'string' ? (schema.format === 'uuid' ? newId() : 'x'.repeat(Math.max(1, schema.minLength ?? 1))) : {};
}

/** Values that differ from a good one in one place, at any depth of what the schema describes. */
function* spoilt(given: Schema, name = '', good = () => sample(given, name)): Generator<unknown> {
  const schema = resolved(given);
  yield* VALUES;
  yield* someValues();
  if (typeOf(schema) === 'string') yield* [...LONG_TEXTS, ...(isMoment(name) ? MOMENTS : []), ...(isUrl(name) ? URLS : [])];
  if (schema.properties) {
    for (const [field, inner] of Object.entries(schema.properties)) for (const value of spoilt(inner, field)) yield { ...(good() as object), [field]: value };
    // Not by assignment, which would not add a member of the name __proto__.
    for (const field of INHERITED) yield JSON.parse(JSON.stringify({ ...(good() as object), unknown: { a: 1 } }).replace('"unknown"', JSON.stringify(field)));
  } else if (schema.items) {
    for (const value of spoilt(schema.items)) yield [value];
    yield Array.from({ length: 2000 }, () => sample(schema.items!));
  }
}

/** What makes a good request of an operation, where its required fields alone do not. */
const GOOD: Record<string, object> = {
  mcpServers_create: { command: 'run' },
  tasks_createBatch: { tasks: [{ title: 't' }] },
  processes_create: { name: 'made', steps: [{ key: 'one', title: 'One' }] },
  processVersions_create: { steps: [{ key: 'one', title: 'One' }] },
  processRuns_create: {},
  schedules_create: { name: 'made', cron: '0 3 * * *', task: { title: 'nightly' } },
  webhooks_create: { url: 'http://127.0.0.1:1/', actions: ['*'], after: 0 },
  webhooks_update: { url: 'http://127.0.0.1:1/', actions: ['task.*'] },
  webhooks_rotate: {},
  eventTriggers_update: { actions: ['task.*'], parameters: {} },
  interactions_create: { type: 'approval_request', content: 'May I?', action: { name: 'deploy', parameters: {} } },
  interactions_use: { action: { name: 'deploy', parameters: {} } },
  trustPolicies_upsert: { preset: 'default', thresholds: undefined },
  authorizations_create: { action: 'deploy', sessionId: undefined, toolId: undefined },
  measures_override: { actionClass: 'deploy', expiresAt: '2100-01-01T00:00:00Z' },
  measures_freeze: { expiresAt: '2100-01-01T00:00:00Z' },
  agentMessages_send: { type: 'broadcast', content: 'hello' },
  metrics_record: BODIES.metrics_record as object,
  work_completeMany: { items: [{ taskId: newId(), fencingToken: 1 }] },
};

const bodySchema = (o: Tried): Schema | undefined => o.requestBody?.content['application/json']?.schema;

const goodBody = (o: Tried): object => ({ ...(sample(bodySchema(o)!) as object), ...GOOD[o.operationId] });

describe('what nobody in their right mind would send', () => {
  let hive: OpenTestHive;
  let subject: { key: string; ids: Record<string, string> };
  beforeAll(async () => {
    hive = await openTestHive();
    subject = await aSubject();
  });
  afterAll(() => hive.close());

  async function call(method: string, path: string, key: string, text?: string, headers: Record<string, string> = {}): Promise<{ status: number; type: string; body: string }> {
    const answer = await fetch(hive.url + path, {
      method,
      body: method === 'GET' ? undefined : text,
      headers: { authorization: `Bearer ${key}`, ...(text !== undefined && { 'content-type': 'application/json' }), ...(['PATCH', 'DELETE'].includes(method) && { 'if-match': '*' }), ...headers },
    });
    const type = answer.headers.get('content-type') ?? '';
    if (type === 'text/event-stream') await answer.body!.cancel(); // it has no end
    return { status: answer.status, type, body: type === 'text/event-stream' ? '' : await answer.text() };
  }

  /** A tenant of its own with one of everything that a path may name. */
  async function aSubject(): Promise<{ key: string; ids: Record<string, string> }> {
    const made = async (method: string, path: string, body: object, key: string): Promise<{ id: string; adminKey: { key: string } }> => {
      const answer = await call(method, path, key, JSON.stringify(body));
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
      return JSON.parse(answer.body) as { id: string; adminKey: { key: string } };
    };
    const aTenant = () => made('POST', '/v1/tenants', { slug: `t-${newId()}`, name: 't' }, ADMIN_KEY);
    // One that works and one that is suspended and resumed.
    const [{ id: tenantId, adminKey: { key } }, other] = [await aTenant(), await aTenant()];
    const agent = await made('POST', '/v1/agents', { name: 'a', type: 'general-purpose' }, key);
    KNOWN.agentId = agent.id;
    await made('PUT', `/v1/agents/${agent.id}/instructions`, { purpose: 'p' }, key);
    for (const templateContent of ['one', 'two']) await made('PUT', `/v1/agents/${agent.id}/prompt-templates`, { items: [{ templateName: 'n', templateContent }] }, key);
    const of = async (path: string, body: object) => (await made('POST', path, body, key)).id;
    const interaction = await of('/v1/interactions', { type: 'approval_request', content: 'May I?', action: { name: 'deploy', parameters: {} } });
    KNOWN.interactionId = interaction;
    const session = await of('/v1/sessions', { agentId: agent.id });
    Object.assign(GOOD, { trustMetrics_create: { sessionId: session, metricType: 'accuracy', metricValue: 5, actionClass: 'deploy' } });
    const message = await made('POST', '/v1/agent-messages', { fromAgentId: agent.id, toAgentId: agent.id, type: 'message', content: 'hello' }, key);
    const ofInbox = async () => (JSON.parse((await call('GET', `/v1/agents/${agent.id}/inbox`, key)).body) as { items: { id: string }[] }).items[0]!.id;
    await made('PUT', '/v1/topics/n', {}, key);
    KNOWN.fromAgentId = agent.id;
    Object.assign(GOOD, { notifications_create: { agentId: agent.id }, notifications_markAllRead: { agentId: agent.id } });
    const document = await of('/v1/documents', { name: 'd', category: 'c', content: 'one' });
    KNOWN.itemId = document;
    const model = await of('/v1/embedding-models', { name: 'm', dimensions: 2, provider: 'caller' });
    const chunks = JSON.parse((await call('GET', `/v1/knowledge/chunks?itemId=${await of('/v1/documents', { name: 'e', category: 'c', content: 'one' })}`, key)).body) as { items: { id: string }[] };
    GOOD.embeddingModels_putVectors = { items: [{ chunkId: chunks.items[0]!.id, embedding: [1, 2] }] };
    const processId = await of('/v1/processes', { name: 'q', steps: [{ key: 'one', title: 'One' }] });
    GOOD.erasures_create = { userId: await of('/v1/users', { email: 'gone@example.com' }) };
    GOOD.legalHolds_create = { subjectType: 'session', subjectId: session, reason: 'r' };
    GOOD.eventTriggers_create = { name: 'made', processId, actions: ['task.*'], parameters: {} };
    const ids = {
      '/v1/agents/{id}': agent.id,
      '/v1/sessions/{id}': session,
      '/v1/decisions/{id}': await of(`/v1/sessions/${session}/decisions`, { decisionType: 'review', inputContext: {}, actionTaken: {} }),
      '/v1/messages/{id}': await of(`/v1/sessions/${session}/messages`, { role: 'user', content: 'x' }),
      '/v1/tenants/{id}': other.id,
      '/v1/tasks/{id}': await of('/v1/tasks', { title: 'one' }),
      '{otherId}': await of('/v1/tasks', { title: 'another' }),
      '/v1/interactions/{id}': interaction,
      '/v1/agent-messages/{id}': message.id,
      '/v1/deliveries/{id}': await ofInbox(),
      '/v1/documents/{id}': document,
      '/v1/memories/{id}': await of('/v1/memories', { knowledgeType: 'fact', domain: 'd', content: 'x' }),
      '/v1/embedding-models/{id}': model,
      '/v1/processes/{id}': await of('/v1/processes', { name: 'p', steps: [{ key: 'one', title: 'One' }] }),
      '/v1/event-triggers/{id}': await of('/v1/event-triggers', { name: 'e', processId, actions: ['task.*'] }),
      '/v1/webhooks/{id}': await of('/v1/webhooks', { url: 'http://127.0.0.1:1/', actions: ['*'] }),
      '/v1/schedules/{id}': await of('/v1/schedules', { name: 's', cron: '0 3 * * *', task: { title: 'nightly' } }),
      '/v1/optimization-suggestions/{id}': await insertSuggestion(hive, tenantId),
      '/v1/users/{id}': await of('/v1/users', { email: 'b@example.com' }),
      '/v1/projects/{id}': await of('/v1/projects', { name: 'p' }),
      '/v1/api-keys/{id}': await of('/v1/api-keys', { name: 'k', scopes: [] }),
      '/v1/tools/{id}': await of('/v1/tools', { name: 't', version: '1', schema: { type: 'object' } }),
      '/v1/mcp-servers/{id}': await of('/v1/mcp-servers', { name: 's', transport: 'stdio', command: 'run' }),
    };
    return { key, ids };
  }

  /** The path with good parameters, but for the one that is given. */
  const pathOf = (o: Tried, spoiltOne?: Parameter, text = ''): string => {
    const known = Object.entries(subject.ids).find(([path]) => o.path.startsWith(path));
    const path = o.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      if (spoiltOne?.in === 'path' && spoiltOne.name === name) return text;
      // Nothing is deleted that the other tries need.
      if (name === 'id') return o.method === 'DELETE' ? newId() : (known?.[1] ?? newId());
      if (name === 'agentId') return subject.ids['/v1/agents/{id}']!;
      if (name === 'overrideId' || name === 'freezeId') return newId();
      if (name === 'toolId') return subject.ids['/v1/tools/{id}']!;
      if (name === 'otherId') return subject.ids['{otherId}']!;
      if (name === 'serverId') return subject.ids['/v1/mcp-servers/{id}']!;
      return name === 'externalId' ? 'e-1' : 'n';
    });
    return spoiltOne?.in === 'query' ? `${path}?${spoiltOne.name}=${text}` : path;
  };

  /** Everything that is tried on an operation. */
  function* tries(o: Tried): Generator<{ what: string; path: string; body?: string; headers?: Record<string, string> }> {
    const schema = bodySchema(o);
    const body = schema && JSON.stringify(goodBody(o));
    for (const parameter of o.parameters ?? []) {
      if (parameter.in === 'header') continue;
      const { name } = parameter;
      for (const text of [...(SHARED.includes(name) ? [] : TEXTS), ...someTexts(), ...(name === 'cursor' ? CURSORS : []), ...(isMoment(name) ? MOMENTS.map(encodeURIComponent) : [])]) yield { what: `${parameter.in} ${name}=${text.slice(0, 40)}`, path: pathOf(o, parameter, text), body };
      if (parameter.in === 'query') for (const more of [`${name}[a]=1`, `${name}=1&${name}=2`]) yield { what: `query ${more}`, path: `${pathOf(o)}?${more}`, body };
    }
    for (const name of someInherited()) yield { what: `query ${name}`, path: `${pathOf(o)}?${name}=1`, body };
    if (['PUT', 'PATCH', 'DELETE'].includes(o.method)) for (const tag of IF_MATCH) yield { what: `If-Match ${tag}`, path: pathOf(o), body, headers: { 'if-match': tag } };
    if (o.method === 'POST') for (const key of ['x'.repeat(201), '\u00ff', '__proto__']) yield { what: `Idempotency-Key ${key.slice(0, 20)}`, path: pathOf(o), body, headers: { 'idempotency-key': key } };
    if (!schema) return;
    for (const text of ['', '{', 'null', '[]', '"x"', '1', '{"__proto__":1}', '['.repeat(100_000), '\ufeff{}', '{"a":1e400}']) yield { what: `body ${text.slice(0, 20)}`, path: pathOf(o), body: text };
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x']) yield { what: `a body of ${type}`, path: pathOf(o), body: 'a=1', headers: { 'content-type': type } };
    for (const one of spoilt(schema, '', () => goodBody(o))) {
      const text = JSON.stringify(one);
      yield { what: `body ${text.slice(0, 200)}`, path: pathOf(o), body: text };
    }
  }

  it.each(operations.filter((o) => o['x-scope'] !== undefined).map((o) => [`${o.method} ${o.path}`, o] as const))('is answered by %s with a success or a problem, never with a failure', async (_, o) => {
    const key = o['x-scope'] === 'tenants:write' ? ADMIN_KEY : subject.key;
    const failures: string[] = [];
    // Else what is tried would be refused for something else, and prove nothing. What was done before is refused as done.
    const good = bodySchema(o) && (await call(o.method, pathOf(o), key, JSON.stringify(goodBody(o))));
    // Nothing is deleted that others need: those are tried on what nobody has.
    if (good && good.status >= 300 && good.status !== 409 && !(o.method === 'DELETE' && good.status === 404)) failures.push(`a good request: ${good.status} ${good.body}`);
    const all = [...tries(o)].filter((_, i) => testEngine() === 'server' || i % 3 === 0);
    const next = async (): Promise<void> => {
      for (let one = all.pop(); one; one = all.pop()) {
        const answer = await call(o.method, one.path, key, one.body, one.headers);
        const isProblem = answer.status === 304 || answer.type.startsWith('application/problem+json');
        if (answer.status >= 500 || (answer.status >= 300 && !isProblem)) failures.push(`${one.what}: ${answer.status} ${answer.body.slice(0, 120)}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, next));
    expect(failures).toEqual([]);
  });

  it('serves as before', async () => {
    expect((await call('GET', '/v1/agents', subject.key)).status).toBe(200);
    expect((await fetch(`${hive.url}/readyz`)).status).toBe(200);
  });
});
