import { readFileSync } from 'node:fs';
import { newId } from '@agent-hive/kernel';
import { BODIES } from './operation-bodies.js';
import { ADMIN_KEY, root, type OpenTestHive } from './world.js';

/*
 * The operations of openapi.json, and what each can be tried on. A new operation gets
 *   - the body that it takes, where an empty one is refused: a line of BODIES in operation-bodies.ts;
 *   - the object that the parameters of its path name: a line of subject() below;
 *   - what it needs to change something, where those two are not enough: a line of RECIPES in operation-recipes.ts.
 */

/** One operation of openapi.json. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  scope: string | undefined;
  /** Names of its query parameters. */
  query: string[];
}

/** What it answered; of a stream, only the status. */
export interface Answer {
  status: number;
  body: { code?: string; scope?: string; detail?: string; requestId?: string; [field: string]: unknown } | null;
}

const document = JSON.parse(readFileSync(root('openapi.json'), 'utf8')) as { paths: Record<string, Record<string, { operationId: string; 'x-scope'?: string; parameters?: { in: string; name: string }[] }>> };
/** Every operation of the document. */
export const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, 'x-scope': scope, parameters = [] }]) => ({
    id: operationId, method: method.toUpperCase(), path, scope, query: parameters.filter((p) => p.in === 'query').map((p) => p.name),
  })),
);

/** Rows that no call makes at once: figures over many attempts, and what a stream leaves behind. */
const FIGURES = `
  insert into tasks.duration (tenant_id, type, grouping, member, samples, failures, window_seconds, measured_at) values ('TENANT', 'general', 'type', '', 0, 0, 60, now());
  insert into tasks.assignment (tenant_id, id, task_id, candidates, reason, decided_by, decided_at) values ('TENANT', 'TASK', 'TASK', '[]', 'r', 'test', now());
  insert into audit.metric_day (tenant_id, metric_name, day, entity_type, entity_id, value_count, value_sum, value_min, value_max, sketch) values ('TENANT', 'm', '2026-01-01', 'task', 'TASK', 1, 1, 1, 1, '{"12000": 1}');
  insert into communication.inbox (tenant_id, agent_id, last_sequence) values ('TENANT', 'TASK', 0)`;

/** The path with its parameters; those that are not given are names that nobody has. */
export const fill = (path: string, parameters: Record<string, string>): string => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? `no-${name}`));

/** A body that the operation takes; undefined when it takes none. */
export const bodyOf = (o: Operation): unknown => BODIES[o.id] ?? (['POST', 'PUT', 'PATCH'].includes(o.method) ? {} : undefined);

/** Opens a suggestion of a tenant, as a review does; returns its id. */
export async function insertSuggestion({ database, orm }: OpenTestHive, tenantId: string): Promise<string> {
  const id = newId();
  await database.execute(orm, `
    insert into audit.optimization_suggestion (tenant_id, id, rule_name, category, fingerprint, description, evidence, impact_score, created_at, updated_at)
    values ('${tenantId}', '${id}', 'repeated-errors', 'reliability', '${id}', 'd', '{"entryIds": []}', 0.5, now(), now())`);
  return id;
}

/** What operations are tried on. */
export type OperationWorld = Awaited<ReturnType<typeof operationWorld>>;

/** Two tenants of a hive, of which the first has an object for every operation that is asked for one. */
export async function operationWorld(hive: OpenTestHive) {
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

  const aHold = async () => made('/v1/legal-holds', { subjectType: 'session', subjectId: (await aSession()).id, reason: 'r' });
  const aRun = async () => ({ id: (await made('/v1/retention-runs', { dryRun: true })).id });
  const anErasure = async () => ({ id: (await made('/v1/erasures', { userId: (await made('/v1/users', { email: `${newId()}@example.com` })).id })).id });

  /** The proof of an archive of A, with its file. */
  async function anArchive(): Promise<{ id: string }> {
    const { id } = await aSession();
    const past = `kernel.id_floor(now() - interval '100 days')`;
    await hive.database.execute(hive.orm, `select kernel.ensure_months('communication.message', now() - interval '4 months', 4)`);
    await hive.database.execute(hive.orm, `insert into communication.message (tenant_id, id, session_id, sequence, role, message_type, content, size_bytes, content_digest, created_at, updated_at)
      values ('${a.id}', (left(${past}::text, 19) || substr(gen_random_uuid()::text, 20))::uuid, '${id}', 2, 'user', 'text', 'old', 3, repeat('a', 64), now(), now())`);
    await made('/v1/retention-runs', {});
    return { id: (await made<{ items: { id: string }[] }>('/v1/archives', undefined, a.key, 'GET')).items[0]!.id };
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

  const aSuggestion = async () => ({ id: await insertSuggestion(hive, a.id) });

  /** A webhook of A, to where nobody listens, with a dead letter. */
  async function aWebhook(): Promise<Record<string, string>> {
    const [{ id }, deliveryId] = [await made('/v1/webhooks', { url: 'http://127.0.0.1:1/', actions: ['*'] }), newId()];
    await hive.database.execute(hive.orm, `
      insert into audit.webhook_delivery (tenant_id, id, webhook_id, sequence, action, subject_type, subject_id, status, attempt, redrive_count, attempts, created_at, settled_at)
      values ('${a.id}', '${deliveryId}', '${id}', 1, 'task.completed', 'task', 't', 'dead', 1, 0, '[]', now(), now())`);
    return { id, deliveryId };
  }

  const anEventTrigger = async () => made('/v1/event-triggers', { name: newId(), processId: (await aProcess()).id, actions: ['task.*'] });

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
    if (o.path.startsWith('/v1/webhooks/')) return aWebhook();
    if (o.path.startsWith('/v1/event-triggers/')) return { id: (await anEventTrigger()).id };
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
    if (o.path.startsWith('/v1/legal-holds/')) return { id: (await aHold()).id };
    if (o.path.startsWith('/v1/retention-runs/')) return aRun();
    if (o.path.startsWith('/v1/erasures/')) return anErasure();
    if (o.path.startsWith('/v1/archives/')) return anArchive();
    if (o.path.startsWith('/v1/users/')) {
      const { id } = await made('/v1/users', { email: `${newId()}@example.com` });
      await made(`/v1/users/${id}/preferences/ui`, { preferences: { a: 1 } }, a.key, 'PUT');
      return { id, category: 'ui' };
    }
    if (o.path.startsWith('/v1/review-rules/')) {
      const name = newId();
      await made(`/v1/review-rules/${name}`, BODIES.reviewRules_upsert, a.key, 'PUT');
      return { name };
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
    if (o.path.startsWith('/v1/optimization-suggestions/')) return aSuggestion();
    throw new Error(`${o.method} ${o.path}: no object to try it on; add one to subject()`);
  }

  /** Work of A that leaves a row in every table of tasks, of communication, and of metrics and reviews. */
  async function someWork(agentId: string): Promise<void> {
    await made('/v1/data-keys/rotation', {});
    await made('/v1/retention-policies', { items: [{ retentionClass: 'mail', hotDays: 1, totalDays: 2 }] }, a.key, 'PUT');
    await aHold();
    await anErasure();
    await anInteraction();
    const { id: trusted } = await aTrustedAgent();
    await made(`/v1/agents/${trusted}/incidents`, { severity: 'critical', description: 'd' });
    await made('/v1/trust-policies', { preset: 'default' }, a.key, 'PUT');
    await made('/v1/emergency-stop', { reason: 'r' });
    await made('/v1/emergency-stop', undefined, a.key, 'DELETE');
    await aMessage();
    await aTopic();
    await aWebhook();
    await anEventTrigger();
    await made('/v1/notifications', { agentId, kind: 'message', title: 't' });
    await made('/v1/queues/q', { weight: 2 }, a.key, 'PUT');
    const { id } = await made('/v1/tasks', { title: 't', queue: 'q', concurrencyKey: 'k' });
    const next = await made('/v1/tasks', { title: 'next' });
    await made(`/v1/tasks/${next.id}/dependencies/${id}`, {}, a.key, 'PUT');
    await made('/v1/claims', { agentId, queues: ['q'] });
    await made(`/v1/processes/${(await aProcess()).id}/runs`, {});
    await made('/v1/schedules', { name: newId(), cron: '0 3 * * *', processId: (await aProcess()).id });
    await made(`/v1/review-rules/${newId()}`, BODIES.reviewRules_upsert, a.key, 'PUT');
    await aSuggestion();
    await made('/v1/metrics', BODIES.metrics_record);
    for (const statement of FIGURES.split(';')) await hive.database.execute(hive.orm, statement.replaceAll('TENANT', a.id).replaceAll('TASK', id));
  }

  const [a, b] = [await aTenant(), await aTenant()];
  return { a, b, call, made, subject, anAgent, anArchive, aSession, aTenant, someWork, someKnowledge };
}
