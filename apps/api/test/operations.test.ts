import { readFileSync } from 'node:fs';
import { WorkloadService } from '@agent-hive/agents';
import { newId, runAs, servicePrincipal, tenantRead } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { BODIES } from './operation-bodies.js';
import { ADMIN_KEY, openTestHive, root, type OpenTestHive } from './world.js';

/*
 * Generated from openapi.json: every operation, for strangers. An operation that is added there is checked here without
 * anyone asking; one with an id and no object to try it on fails until it gets one below.
 */
interface Operation {
  id: string;
  method: string;
  path: string;
  scope: string | undefined;
  /** Names of its query parameters. */
  query: string[];
}

interface Answer {
  status: number;
  body: { code?: string; scope?: string; detail?: string; requestId?: string; [field: string]: unknown } | null;
}

const document = JSON.parse(readFileSync(root('openapi.json'), 'utf8')) as { paths: Record<string, Record<string, { operationId: string; 'x-scope'?: string; parameters?: { in: string; name: string }[] }>> };
const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, 'x-scope': scope, parameters = [] }]) => ({
    id: operationId, method: method.toUpperCase(), path, scope, query: parameters.filter((p) => p.in === 'query').map((p) => p.name),
  })),
);
const guarded = operations.filter((o) => o.scope !== undefined);
const withId = guarded.filter((o) => o.path.includes('{'));
const platform = (o: Operation) => o.scope === 'tenants:write';

/** Operations that name something by a key of the caller's own making: a stranger's call makes the stranger's own. */
const NATURAL_KEYS = ['agents_upsert', 'agentTypes_upsert', 'roles_upsert', 'queues_upsert', 'queues_upsertLimit', 'topics_upsert'];

/** Reads of such a name answer for everybody: what nobody has set is at its default. */
const DEFAULTED = ['queues_getLimit'];

/** Lists that must be asked for something. */
const ASKED: Record<string, string> = { preferences_list: 'path=a&equals=1&', messages_search: 'q=a&' };

/** Rows that no call makes at once: figures over many attempts, and what a stream leaves behind. */
const FIGURES = `
  insert into tasks.duration (tenant_id, type, grouping, member, samples, failures, window_seconds, measured_at) values ('TENANT', 'general', 'type', '', 0, 0, 60, now());
  insert into tasks.assignment (tenant_id, id, task_id, candidates, reason, decided_by, decided_at) values ('TENANT', 'TASK', 'TASK', '[]', 'r', 'test', now());
  insert into communication.inbox (tenant_id, agent_id, last_sequence) values ('TENANT', 'TASK', 0)`;

describe('every operation', () => {
  let hive: OpenTestHive;
  let a: { id: string; key: string };
  let b: { id: string; key: string };

  beforeAll(async () => {
    hive = await openTestHive();
    [a, b] = [await aTenant(), await aTenant()];
  }, 180_000);
  afterAll(() => hive.close());

  async function call(method: string, path: string, key: string | null, body?: unknown): Promise<Answer> {
    const headers = { ...(key && { authorization: `Bearer ${key}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...(['PATCH', 'DELETE'].includes(method) && { 'if-match': '*' }) };
    const answer = await fetch(hive.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.headers.get('content-type') === 'text/event-stream') {
      await answer.body!.cancel(); // it has no end
      return { status: answer.status, body: null };
    }
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') && !text.includes('\n{') ? (JSON.parse(text) as Answer['body']) : null };
  }

  async function made<T = { id: string }>(path: string, body: unknown, key = a.key, method = 'POST'): Promise<T> {
    const answer = await call(method, path, key, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  }

  async function aTenant(): Promise<{ id: string; key: string }> {
    const { id, adminKey } = await made<{ id: string; adminKey: { key: string } }>('/v1/tenants', { slug: `t-${newId()}`, name: 't' }, ADMIN_KEY);
    return { id, key: adminKey.key };
  }

  /** An agent of A with everything that can hang on one. */
  async function anAgent(): Promise<Record<string, string>> {
    const externalId = newId();
    const { id } = await made('/v1/agents', { name: 'a', type: 'general-purpose', externalId });
    await made(`/v1/agents/${id}/instructions`, { purpose: 'p' }, a.key, 'PUT');
    await made(`/v1/agents/${id}/instructions/capabilities`, { items: [{ capabilityName: 'c' }] }, a.key, 'PUT');
    await made(`/v1/agents/${id}/knowledge-domains`, { items: [{ domainName: 'd' }] }, a.key, 'PUT');
    await made(`/v1/agents/${id}/prompt-templates`, { items: [{ templateName: 't', templateContent: 'one' }] }, a.key, 'PUT');
    const tool = await made('/v1/tools', { name: newId(), version: '1', schema: { type: 'object' } });
    const server = await made('/v1/mcp-servers', { name: newId(), transport: 'stdio', command: 'run' });
    await made(`/v1/agents/${id}/tools/${tool.id}`, {}, a.key, 'PUT');
    await made(`/v1/agents/${id}/mcp-servers/${server.id}`, {}, a.key, 'PUT');
    return { id, externalId, name: 't', toolId: tool.id, serverId: server.id };
  }

  /** An agent of A with a judged decision, an override and a freeze. */
  async function aTrustedAgent(o?: Operation): Promise<Record<string, string>> {
    const { id } = await made('/v1/agents', { name: 'a', type: 'general-purpose' });
    const session = await made('/v1/sessions', { agentId: id });
    const decision = await made(`/v1/sessions/${session.id}/decisions`, BODIES.decisions_create);
    await made(`/v1/decisions/${decision.id}/feedback`, { feedback: 'approved' }, a.key, 'PUT');
    const override = await made(`/v1/agents/${id}/trust/overrides`, BODIES.measures_override);
    const freeze = await made(`/v1/agents/${id}/trust/freezes`, BODIES.measures_freeze);
    if (o?.id === 'trustMetrics_create') BODIES.trustMetrics_create = { ...(BODIES.trustMetrics_create as object), sessionId: session.id };
    return { id, sessionId: session.id, decisionId: decision.id, overrideId: override.id, freezeId: freeze.id };
  }

  /** A task of A, held by an agent, dead, or with a dependency, as the operation needs it. */
  async function aTask(o: Operation): Promise<Record<string, string>> {
    const { id } = await made('/v1/tasks', { title: 't', maxAttempts: 1, queue: newId() });
    const other = await made('/v1/tasks', { title: 'other' });
    if (o.id === 'assignments_create') {
      const { id: agentId } = await made('/v1/agents', { name: 'a', type: 'general-purpose' });
      await made(`/v1/agents/${agentId}/heartbeat`, { status: 'active' });
    }
    if (o.id === 'dependencies_delete') await made(`/v1/tasks/${id}/dependencies/${other.id}`, {}, a.key, 'PUT');
    if (o.id.startsWith('work_') || o.id === 'tasks_redrive') {
      const agent = await made('/v1/agents', { name: 'a', type: 'general-purpose' });
      const { queue } = await made<{ queue: string }>(`/v1/tasks/${id}`, undefined, a.key, 'GET');
      await made('/v1/claims', { agentId: agent.id, queues: [queue] });
      if (o.id === 'work_wait') BODIES.work_wait = { fencingToken: 1, interactionId: (await anInteraction()).id };
      if (o.id === 'tasks_redrive') await made(`/v1/tasks/${id}/failure`, { fencingToken: 1, error: { message: 'x' } });
    }
    return { id, otherId: other.id };
  }

  /** An approval that A's agent asks for, given where the operation uses it. */
  async function anInteraction(o?: Operation): Promise<Record<string, string>> {
    const { id } = await made('/v1/interactions', { type: 'approval_request', content: 'May I?', action: { name: 'deploy', parameters: {} } });
    if (o?.id === 'interactions_use') await made(`/v1/interactions/${id}/response`, { status: 'approved' });
    return { id };
  }

  /** A session of A with a message in it. */
  async function aSession(): Promise<Record<string, string>> {
    const externalId = newId();
    const { id } = await made('/v1/sessions', { externalId });
    return { id, externalId, messageId: (await made(`/v1/sessions/${id}/messages`, { role: 'user', content: 'said' })).id };
  }

  /** A message of A with its delivery, as the operation needs it. */
  async function aMessage(o?: Operation): Promise<{ messageId: string; deliveryId: string; agentId: string }> {
    const [{ id: fromAgentId }, { id: agentId }] = [await made('/v1/agents', { name: 'a', type: 'general-purpose' }), await made('/v1/agents', { name: 'b', type: 'general-purpose' })];
    const message = await made('/v1/agent-messages', { fromAgentId, toAgentId: agentId, type: 'message', content: 'hello' });
    const { items } = await made<{ items: { id: string }[] }>(`/v1/agents/${agentId}/inbox`, undefined, a.key, 'GET');
    if (o?.id === 'deliveries_redrive') await made(`/v1/deliveries/${items[0]!.id}/rejection`, { reason: 'r', requeue: false });
    return { messageId: message.id, deliveryId: items[0]!.id, agentId };
  }

  /** A topic of A, with a subscriber. */
  async function aTopic(): Promise<{ name: string; agentId: string }> {
    const [name, { id: agentId }] = [newId(), await made('/v1/agents', { name: 'a', type: 'general-purpose' })];
    await made(`/v1/topics/${name}`, {}, a.key, 'PUT');
    await made(`/v1/topics/${name}/subscriptions/${agentId}`, {}, a.key, 'PUT');
    return { name, agentId };
  }

  /** A document of A with two versions. */
  async function aDocument(): Promise<Record<string, string>> {
    const { id } = await made('/v1/documents', { name: newId(), category: 'c', content: 'one' });
    await made(`/v1/documents/${id}/versions`, { content: 'two' });
    return { id, number: '1' };
  }

  /** An embedding model of A, with vectors to give it where the operation takes them. */
  async function anEmbeddingModel(o?: Operation): Promise<Record<string, string>> {
    const takes = o?.id === 'embeddingModels_putVectors';
    const { id } = await made('/v1/embedding-models', { name: newId(), dimensions: 2, provider: takes ? 'caller' : 'lexical', isDefault: false });
    if (takes) BODIES.embeddingModels_putVectors = { items: [{ chunkId: await aChunk((await aDocument()).id!), embedding: [1, 2] }] };
    return { id };
  }

  const aChunk = async (itemId: string) => (await made<{ items: { id: string }[] }>(`/v1/knowledge/chunks?itemId=${itemId}`, undefined, a.key, 'GET')).items[0]!.id;

  /** What leaves a row in every table of knowledge. */
  async function someKnowledge(): Promise<void> {
    const { id } = await aDocument();
    const model = await made('/v1/embedding-models', { name: newId(), dimensions: 2, provider: 'caller', isDefault: false });
    await made(`/v1/embedding-models/${model.id}/embeddings`, { items: [{ chunkId: await aChunk(id!), embedding: [1, 2] }] });
    await anEmbeddingModel();
    await made('/v1/memories', { knowledgeType: 'fact', domain: 'd', content: 'x' });
    await made('/v1/knowledge/usages', { itemId: id, helpful: true });
    await made('/v1/knowledge/search', { query: newId(), mode: 'text' });
  }

  const aProcess = () => made('/v1/processes', { name: newId(), steps: [{ key: 'one', title: 'One' }] });

  /** An object of A for the path's parameters. */
  async function subject(o: Operation): Promise<Record<string, string>> {
    if (o.path.startsWith('/v1/agents/')) return /\/(trust|decisions|incidents)/.test(o.path) ? aTrustedAgent(o) : anAgent();
    if (o.path.startsWith('/v1/decisions/')) return { id: (await aTrustedAgent()).decisionId! };
    if (o.id === 'decisions_create') return { id: (await aTrustedAgent()).sessionId! };
    if (o.path.startsWith('/v1/tasks/')) return aTask(o);
    if (o.path.startsWith('/v1/interactions/')) return anInteraction(o);
    if (o.path.startsWith('/v1/agent-messages/')) return { id: (await aMessage(o)).messageId };
    if (o.path.startsWith('/v1/deliveries/')) return { id: (await aMessage(o)).deliveryId };
    if (o.path.startsWith('/v1/topics/')) return aTopic();
    if (o.path.startsWith('/v1/notifications/')) {
      const { id: agentId } = await made('/v1/agents', { name: 'a', type: 'general-purpose' });
      return { id: (await made<{ notification: { id: string } }>('/v1/notifications', { agentId, kind: 'message', title: 't' })).notification.id };
    }
    if (o.path.startsWith('/v1/documents/')) return aDocument();
    if (o.path.startsWith('/v1/memories/')) return { id: (await made('/v1/memories', { knowledgeType: 'fact', domain: 'd', content: 'x' })).id };
    if (o.path.startsWith('/v1/embedding-models/')) return anEmbeddingModel(o);
    if (o.path.startsWith('/v1/processes/')) return { id: (await aProcess()).id, number: '1' };
    if (o.path.startsWith('/v1/process-runs/')) return { id: (await made(`/v1/processes/${(await aProcess()).id}/runs`, {})).id };
    if (o.path.startsWith('/v1/schedules/')) return { id: (await made('/v1/schedules', { name: newId(), cron: '0 3 * * *', processId: (await aProcess()).id })).id };
    if (o.path.startsWith('/v1/sessions/')) return aSession();
    if (o.path.startsWith('/v1/messages/')) return { id: (await aSession()).messageId! };
    if (o.path.startsWith('/v1/queues/')) {
      const name = newId();
      await made(`/v1/queues/${name}`, { weight: 2 }, a.key, 'PUT');
      return { name };
    }
    if (o.path.startsWith('/v1/concurrency-limits/')) {
      const key = newId();
      await made(`/v1/concurrency-limits/${key}`, { limit: 2 }, a.key, 'PUT');
      return { key };
    }
    if (o.path.startsWith('/v1/tools/')) return { id: (await made('/v1/tools', { name: newId(), version: '1', schema: { type: 'object' } })).id };
    if (o.path.startsWith('/v1/mcp-servers/')) return { id: (await made('/v1/mcp-servers', { name: newId(), transport: 'stdio', command: 'run' })).id };
    if (o.path.startsWith('/v1/projects/')) return { id: (await made('/v1/projects', { name: 'p' })).id };
    if (o.path.startsWith('/v1/api-keys/')) return { id: (await made('/v1/api-keys', { name: 'k', scopes: [] })).id };
    if (o.path.startsWith('/v1/oidc-issuers/')) return { id: (await made('/v1/oidc-issuers', { issuer: `http://127.0.0.1/${newId()}`, audience: 'x', jwksUri: 'http://127.0.0.1/k' }, ADMIN_KEY)).id };
    if (o.path.startsWith('/v1/audit/entries/')) {
      const { id } = await made('/v1/agents', { name: 'a', type: 'general-purpose' });
      return { id: (await made('/v1/audit/entries', { agentId: id, actionType: 'x', actionDetails: {}, riskLevel: 'low' })).id };
    }
    if (o.path.startsWith('/v1/users/')) {
      const { id } = await made('/v1/users', { email: `${newId()}@example.com` });
      await made(`/v1/users/${id}/preferences/ui`, { preferences: { a: 1 } }, a.key, 'PUT');
      return { id, category: 'ui' };
    }
    if (o.path.startsWith('/v1/roles/') || o.path.startsWith('/v1/agent-types/')) {
      const name = `n-${Math.random().toString(36).slice(2)}`;
      await made(o.path.replace('{name}', name), o.path.startsWith('/v1/roles/') ? { scopes: [] } : {}, a.key, 'PUT');
      return { name };
    }
    if (o.path.startsWith('/v1/tenants/')) {
      const { id, key } = await aTenant();
      const session = await made('/v1/sessions', {}, key);
      await made(`/v1/sessions/${session.id}/messages`, { role: 'user', content: 'goes along' }, key);
      await made(`/v1/sessions/${session.id}/fork`, {}, key);
      if (o.id === 'tenants_delete' || o.id === 'tenants_resume') await made(`/v1/tenants/${id}/suspension`, { reason: 'r' }, ADMIN_KEY, 'PUT');
      return { id };
    }
    throw new Error(`${o.method} ${o.path}: no object to try it on; add one to subject()`);
  }

  /** Work of A that leaves a row in every table of tasks and of communication. */
  async function someWork(agentId: string): Promise<void> {
    await anInteraction();
    const { id: trusted } = await aTrustedAgent();
    await made(`/v1/agents/${trusted}/incidents`, { severity: 'critical', description: 'd' });
    await made('/v1/trust-policies', { preset: 'default' }, a.key, 'PUT');
    await made('/v1/emergency-stop', { reason: 'r' });
    await made('/v1/emergency-stop', undefined, a.key, 'DELETE');
    await aMessage();
    await aTopic();
    await made('/v1/notifications', { agentId, kind: 'message', title: 't' });
    await made('/v1/queues/q', { weight: 2 }, a.key, 'PUT');
    const { id } = await made('/v1/tasks', { title: 't', queue: 'q', concurrencyKey: 'k' });
    const next = await made('/v1/tasks', { title: 'next' });
    await made(`/v1/tasks/${next.id}/dependencies/${id}`, {}, a.key, 'PUT');
    await made('/v1/claims', { agentId, queues: ['q'] });
    await made(`/v1/processes/${(await aProcess()).id}/runs`, {});
    await made('/v1/schedules', { name: newId(), cron: '0 3 * * *', processId: (await aProcess()).id });
    for (const statement of FIGURES.split(';')) await hive.database.execute(hive.orm, statement.replaceAll('TENANT', a.id).replaceAll('TASK', id));
  }

  const fill = (path: string, parameters: Record<string, string>) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? `no-${name}`));
  const bodyOf = (o: Operation) => BODIES[o.id] ?? (['POST', 'PUT', 'PATCH'].includes(o.method) ? {} : undefined);
  /** An answer without what grows by itself from one second to the next. */
const steady = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer, (name, value: unknown) => (name.endsWith('AgeSeconds') ? undefined : value)));
const label = (o: Operation) => [`${o.method} ${o.path}`, o] as const;

  it('states its scope, or is meant for everybody', () => {
    expect(operations.filter((o) => o.scope === undefined).map((o) => o.path)).toEqual(expect.arrayContaining(['/livez', '/readyz']));
    expect(operations.filter((o) => o.scope === undefined && o.path.startsWith('/v1'))).toEqual([]);
    expect(withId.length).toBeGreaterThan(40);
  });

  it.each(guarded.map(label))('%s answers nobody without a key', async (_, o) => {
    const path = fill(o.path, { id: newId(), toolId: newId(), serverId: newId(), otherId: newId() });
    for (const key of [null, 'nonsense']) expect(await call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  it.each(guarded.filter((o) => o.scope !== 'anyone').map(label))('%s needs its scope and says which', async (_, o) => {
    const { key } = await made<{ key: string }>('/v1/api-keys', { name: 'weak', scopes: [o.scope === 'audit:read' ? 'users:read' : 'audit:read'] }, b.key);
    const path = fill(o.path, { id: newId(), toolId: newId(), serverId: newId(), otherId: newId() });
    expect(await call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 403, body: { code: 'missing-scope', scope: o.scope } });
  });

  it.each(withId.filter((o) => !platform(o) && !NATURAL_KEYS.includes(o.id) && !DEFAULTED.includes(o.id)).map(label))('%s tells a stranger what it tells of an id that nobody has, and serves the owner [S4.96, S1.95]', async (_, o) => {
    const own = await subject(o);
    const unknown = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, name === 'name' || name === 'category' || name === 'number' ? value : newId()]));
    const before = o.path.startsWith('/v1/tenants') ? null : await call('GET', '/v1/audit/entries?limit=1&total=true', a.key);
    const [stranger, nobody] = [await call(o.method, fill(o.path, own), b.key, bodyOf(o)), await call(o.method, fill(o.path, unknown), b.key, bodyOf(o))];
    const neutral = ({ status, body }: Answer, ids: Record<string, string>) =>
      JSON.stringify({ status, body: { ...body, requestId: '' } }).replaceAll(new RegExp(Object.values(ids).join('|'), 'g'), 'ID');
    expect(stranger.status).toBe(404);
    expect(neutral(stranger, own)).toBe(neutral(nobody, unknown));
    if (before) expect((await call('GET', '/v1/audit/entries?limit=1&total=true', a.key)).body!.total).toBe(before.body!.total);
    const owner = o.path.startsWith('/v1/tenants') ? ADMIN_KEY : a.key;
    if (o.id === 'tools_delete' || o.id === 'mcpServers_delete' || o.id === 'agents_delete') expect([204, 409]).toContain((await call(o.method, fill(o.path, own), owner)).status);
    else expect((await call(o.method, fill(o.path, own), owner, bodyOf(o))).status).toBeLessThan(300);
  });

  it.each(withId.filter((o) => NATURAL_KEYS.includes(o.id)).map(label))("%s under a stranger's name makes the stranger's own", async (_, o) => {
    const own = await subject(o);
    const read = async () => steady(await call('GET', o.id === 'agents_upsert' ? fill(o.path, own) : o.path.replace('/{name}', '').replace('{key}', own.key ?? ''), a.key));
    const before = await read();
    expect((await call(o.method, fill(o.path, own), b.key, bodyOf(o))).status).toBeLessThan(300);
    expect(await read()).toEqual(before);
  });

  it.each(withId.filter(platform).map(label))("%s is the platform's: a tenant is told so, and the platform served", async (_, o) => {
    const own = await subject(o);
    expect(await call(o.method, fill(o.path, own), b.key, bodyOf(o))).toMatchObject({ status: 403, body: { scope: 'tenants:write' } });
    expect((await call(o.method, fill(o.path, own), ADMIN_KEY, bodyOf(o))).status).toBeLessThan(300);
  });

  it.each(guarded.filter(platform).map(label))('%s opens to no wildcard, whatever key or noun it stands in', async (_, o) => {
    const { id, key } = await made<{ id: string; key: string }>('/v1/api-keys', { name: 'greedy', scopes: ['*'] }, b.key);
    // No operation gives a key some of these: the guard must not rely on that.
    const wildcards = ['*', ...new Set(guarded.map(({ scope }) => `${scope!.split(':')[0]}:*`))];
    await hive.database.execute(hive.orm, `update identity.api_key set scopes = '${JSON.stringify(wildcards)}' where id = '${id}'`);
    const path = fill(o.path, { id: b.id });
    expect(await call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 403, body: { code: 'missing-scope', scope: 'tenants:write' } });
  });

  it.each(withId.filter((o) => /\{(id|toolId|serverId|otherId)\}/.test(o.path)).map(label))('%s refuses what is no UUID', async (_, o) => {
    const answer = await call(o.method, fill(o.path, { id: "1' or '1'='1", toolId: newId(), serverId: newId(), otherId: newId() }), ADMIN_KEY, bodyOf(o));
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });

  it.each(operations.filter((o) => o.query.includes('cursor')).map(label))('%s takes no cursor that it did not give out', async (_, o) => {
    const path = fill(o.path, o.path.includes('{') ? await subject(o) : {});
    const asked = ASKED[o.id] ?? '';
    for (const key of [['abc'], ['abc', 'x'], ['a\0b'], [newId(), 'a\0b'], ['\ud800'], [{ $ne: null }], [1], [1e300]]) {
      const answer = await call('GET', `${path}?${asked}cursor=${Buffer.from(JSON.stringify(key)).toString('base64url')}`, a.key);
      // Lists by name or by version take any of those.
      const fits = (o.id.startsWith('promptTemplates_') || o.path.endsWith('/versions') || o.id === 'topics_list') && key.length === 1 && answer.status === 200;
      expect([key, fits || answer.status]).toEqual([key, fits || 422]);
    }
  });

  describe('and every table', () => {
    it('shows a tenant its own rows, another none of them, and nobody any [S4.96, S4.134, S1.95]', async () => {
      const agent = await anAgent();
      await made(`/v1/agents/${agent.id}/heartbeat`, { status: 'active' });
      await made('/v1/roles/r', { scopes: [] }, a.key, 'PUT');
      await made('/v1/agent-types/t', {}, a.key, 'PUT');
      await made('/v1/projects', { name: 'p' });
      const user = await made('/v1/users', { email: `${newId()}@example.com` });
      await made(`/v1/users/${user.id}/preferences/ui`, { preferences: {} }, a.key, 'PUT');
      await fetch(`${hive.url}/v1/projects`, { method: 'POST', body: '{"name":"keyed"}', headers: { authorization: `Bearer ${a.key}`, 'content-type': 'application/json', 'idempotency-key': newId() } });
      const { em } = hive.orm;
      const report = { agentId: agent.id!, openCount: 1, succeededCount: 0, failedCount: 0, meanDurationMs: null, p95DurationMs: null, windowSeconds: 60, measuredAt: new Date() };
      await runAs(em, servicePrincipal(a.id, 'test'), () => hive.app.get(WorkloadService, { strict: false }).report([report]));
      await someWork(agent.id!);
      await aSession();
      await someKnowledge();
      const tables = await hive.database.execute<{ name: string }>(
        hive.orm,
        `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id'
          where c.relkind in ('r', 'p') and not c.relispartition order by 1`,
      );
      expect(tables.length).toBeGreaterThan(15);
      /** Rows of the table whose tenant is `of`, as the application sees them when it works for `as`. */
      const count = (as: string, table: string, of: string) =>
        runAs(em, servicePrincipal(as, 'test'), () => tenantRead(em, async (db) => Number((await sql<{ n: string }>`select count(*) as n from ${sql.table(table)} where tenant_id = ${of}`.execute(db)).rows[0]!.n)));
      const nobody = (table: string) =>
        em.getConnection().transactional(async (tx) => {
          await sql`set local role hive_app`.execute(tx);
          return Number((await sql<{ n: string }>`select count(*) as n from ${sql.table(table)}`.execute(tx)).rows[0]!.n);
        });
      for (const { name } of tables) {
        expect([name, (await count(a.id, name, a.id)) > 0]).toEqual([name, true]);
        expect([name, await count(b.id, name, a.id)]).toEqual([name, 0]);
        expect([name, await nobody(name)]).toEqual([name, 0]);
      }
    });
  });
});
