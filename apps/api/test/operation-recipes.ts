import { newId } from '@agent-hive/kernel';
import { operations, type OperationWorld } from './operation-world.js';

/** What an operation needs to change something, beside what it has of BODIES and subject(). */
interface Recipe {
  /** Parameters of the path. */
  parameters?: Record<string, string>;
  body?: unknown;
}

const idOf = async ({ made }: OperationWorld, path: string, body: object): Promise<string> => (await made(path, body)).id;
const anAgent = (world: OperationWorld) => idOf(world, '/v1/agents', { name: 'a', type: 'general-purpose' });
const aDocument = (world: OperationWorld) => idOf(world, '/v1/documents', { name: newId(), category: 'c', content: 'one' });

/** A task in a queue of its own that an agent holds. */
async function held(world: OperationWorld): Promise<string> {
  const queue = newId();
  const id = await idOf(world, '/v1/tasks', { title: 't', queue });
  await world.made('/v1/claims', { agentId: await anAgent(world), queues: [queue] });
  return id;
}

/** By the id of the operation. A new operation whose body and object are enough needs none. */
export const RECIPES: Record<string, (world: OperationWorld) => Promise<Recipe> | Recipe> = {
  authorizations_create: async (world) => ({ body: { agentId: await anAgent(world), action: 'deploy', risk: 'high' } }),
  decisions_judge: async (world) => {
    const sessionId = await idOf(world, '/v1/sessions', { agentId: await anAgent(world) });
    return { parameters: { id: await idOf(world, `/v1/sessions/${sessionId}/decisions`, { decisionType: 'review', inputContext: {}, actionTaken: {} }) }, body: { feedback: 'approved' } };
  },
  emergencyStops_create: () => ({ body: { reason: 'r' } }),
  emergencyStops_delete: async (world) => {
    await world.made('/v1/emergency-stop', { reason: 'r' });
    return {};
  },
  erasures_create: async (world) => ({ body: { userId: await idOf(world, '/v1/users', { email: `${newId()}@example.com` }) } }),
  eventTriggers_create: async (world) => ({ body: { name: newId(), processId: await idOf(world, '/v1/processes', { name: newId(), steps: [{ key: 'one', title: 'One' }] }), actions: ['task.*'] } }),
  legalHolds_create: async (world) => ({ body: { subjectType: 'session', subjectId: await idOf(world, '/v1/sessions', {}), reason: 'r' } }),
  retentionPolicies_replace: () => ({ body: { items: [{ retentionClass: 'mail', hotDays: 30, totalDays: 60 }] } }),
  trustPolicies_upsert: () => ({ body: { preset: 'conservative' } }),
  webhooks_create: () => ({ body: { url: 'http://127.0.0.1:1/', actions: ['*'] } }),
  agentMessages_send: async (world) => ({ body: { fromAgentId: await anAgent(world), toAgentId: await anAgent(world), type: 'message', content: 'hello' } }),
  agents_create: () => ({ body: { name: 'a', type: 'general-purpose' } }),
  agents_delete: async (world) => ({ parameters: { id: await anAgent(world) } }),
  apiKeys_create: () => ({ body: { name: 'k', scopes: [] } }),
  agentTypes_upsert: () => ({ body: { description: 'another' } }),
  capabilities_replace: () => ({ body: { items: [{ capabilityName: 'another' }] } }),
  claims_claim: async (world) => {
    const queue = newId();
    await world.made('/v1/tasks', { title: 't', queue });
    return { body: { agentId: await anAgent(world), queues: [queue] } };
  },
  documents_create: () => ({ body: { name: newId(), category: 'c', content: 'one' } }),
  embeddingModels_create: () => ({ body: { name: newId(), dimensions: 2, provider: 'caller', isDefault: false } }),
  entries_create: async (world) => ({ body: { agentId: await anAgent(world), actionType: 'x', actionDetails: {}, riskLevel: 'low' } }),
  interactions_create: () => ({ body: { type: 'decision_point', content: 'Which?' } }),
  instructions_upsert: () => ({ body: { purpose: 'another' } }),
  knowledgeDomains_replace: () => ({ body: { items: [{ domainName: 'another' }] } }),
  matches_list: () => ({ body: { requirements: {} } }),
  mcpServerAssignments_upsert: () => ({ body: { configuration: { a: 1 } } }),
  mcpServers_create: () => ({ body: { name: newId(), transport: 'stdio', command: 'run' } }),
  memories_create: () => ({ body: { knowledgeType: 'fact', domain: 'd', content: 'x' } }),
  notifications_create: async (world) => ({ body: { agentId: await anAgent(world), kind: 'message', title: 't' } }),
  notifications_markAllRead: async (world) => {
    const agentId = await anAgent(world);
    await world.made('/v1/notifications', { agentId, kind: 'message', title: 't' });
    return { body: { agentId } };
  },
  oidcIssuers_create: () => ({ body: { issuer: `http://127.0.0.1/${newId()}`, audience: 'x', jwksUri: 'http://127.0.0.1/k' } }),
  presence_heartbeat: () => ({ body: { status: 'busy' } }),
  promptTemplates_activate: async (world) => {
    const { id } = await world.anAgent();
    await world.made(`/v1/agents/${id}/prompt-templates`, { items: [{ templateName: 't', templateContent: 'two' }] }, world.a.key, 'PUT');
    return { parameters: { id: id!, name: 't' }, body: { templateVersion: 1 } };
  },
  processes_create: () => ({ body: { name: newId(), steps: [{ key: 'one', title: 'One' }] } }),
  projects_create: () => ({ body: { name: 'p' } }),
  roles_upsert: () => ({ body: { scopes: ['agents:read'] } }),
  schedules_create: () => ({ body: { name: newId(), cron: '0 3 * * *', task: { title: 'nightly' } } }),
  search_search: () => ({ body: { query: newId(), mode: 'text' } }), // finds nothing, which is a gap
  sessions_create: () => ({ body: {} }),
  tasks_create: () => ({ body: { title: 't' } }),
  tasks_createBatch: () => ({ body: { tasks: [{ title: 't' }] } }),
  tenants_create: () => ({ body: { slug: `t-${newId()}`, name: 't' } }),
  toolGrants_upsert: () => ({ body: { permissions: ['read'] } }),
  topics_subscribe: async (world) => {
    const { name } = await world.subject(operations.find((o) => o.id === 'topics_subscribe')!);
    return { parameters: { name: name!, agentId: await anAgent(world) } };
  },
  tools_create: () => ({ body: { name: newId(), version: '1', schema: { type: 'object' } } }),
  usages_create: async (world) => ({ body: { itemId: await aDocument(world), helpful: true } }),
  users_create: () => ({ body: { email: `${newId()}@example.com` } }),
  work_completeMany: async (world) => ({ body: { items: [{ taskId: await held(world), fencingToken: 1 }] } }),
};
