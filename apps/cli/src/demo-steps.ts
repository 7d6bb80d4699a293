import type { Client } from './client.js';

/** One step of the demo. `made` holds the results of the steps before it, by their names. */
export interface DemoStep {
  name: string;
  run(client: Client, made: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** What has an id. */
export interface WithId {
  id: string;
}

/** The id of what an earlier step made. */
export const idOf = (made: Readonly<Record<string, unknown>>, name: string): string => (made[name] as WithId).id;

/** Registers an agent of the demo's project, which then reports that it is ready. */
async function register(client: Client, made: Readonly<Record<string, unknown>>, agent: Record<string, unknown>): Promise<WithId> {
  const { id } = await client.request<WithId>('POST', '/v1/agents', { ...agent, projectId: idOf(made, 'project') });
  await client.request('POST', `/v1/agents/${id}/heartbeat`, { status: 'active' });
  return client.request('GET', `/v1/agents/${id}`);
}

/** The demo, step by step; each feature adds its own at the end. No step may take the time or chance for input. */
export const demoSteps: readonly DemoStep[] = [
  { name: 'project', run: (client) => client.request('POST', '/v1/projects', { name: 'Storefront', description: { goal: 'Rebuild the storefront' }, projectMetadata: { demo: true } }) },
  { name: 'user', run: (client) => client.request('POST', '/v1/users', { email: 'ada@example.com', name: 'Ada', userData: { team: 'platform' } }) },
  { name: 'scout', run: (client, made) => register(client, made, { name: 'Scout', type: 'general-purpose', personaType: 'documentation', externalId: 'scout-1', capabilities: ['web_search', 'summarize'] }) },
  { name: 'builder', run: (client, made) => register(client, made, { name: 'Builder', type: 'backend-engineer', personaType: 'developer', externalId: 'builder-1', capabilities: ['typescript', 'sql'] }) },
  { name: 'reviewer', run: (client, made) => register(client, made, { name: 'Reviewer', type: 'qa-test-guardian', personaType: 'qa', externalId: 'reviewer-1', capabilities: ['code_review', 'typescript'] }) },
  {
    name: 'instructions',
    run: (client, made) =>
      client.request('PUT', `/v1/agents/${idOf(made, 'scout')}/instructions`, {
        purpose: 'Answer questions about the storefront from public pages, and name the page of each fact.',
        toneGuidelines: 'Short sentences. Say what is not known.',
      }),
  },
  {
    name: 'knowledge domains',
    run: (client, made) => client.request('PUT', `/v1/agents/${idOf(made, 'scout')}/knowledge-domains`, { items: [{ domainName: 'e-commerce', priorityLevel: 8 }] }),
  },
  {
    name: 'prompt templates',
    run: (client, made) =>
      client.request('PUT', `/v1/agents/${idOf(made, 'scout')}/prompt-templates`, { items: [{ templateName: 'answer', templateContent: 'Answer {{question}} in at most three sentences.' }] }),
  },
  {
    name: 'tool',
    run: (client) =>
      client.request('POST', '/v1/tools', {
        name: 'search', version: '1.0.0', description: 'Searches the web', source: 'builtin',
        schema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
      }),
  },
  { name: 'grant', run: (client, made) => client.request('PUT', `/v1/agents/${idOf(made, 'scout')}/tools/${idOf(made, 'tool')}`, { permissions: ['read'], configuration: { maxResults: 10 } }) },
];
