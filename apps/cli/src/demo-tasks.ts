import type { Client } from './client.js';
import { idOf, type DemoStep, type WithId } from './demo-steps.js';

interface Task extends WithId {
  title: string;
  status: string;
}

/** Claims what an agent does next, and writes what came of it. Of the task, what does not depend on how long that took. */
async function work(client: Client, agentId: string, verb: 'completion' | 'failure', outcome: object): Promise<Task> {
  const { items } = await client.request<{ items: { task: Task; fencingToken: number }[] }>('POST', '/v1/claims', { agentId });
  const { task, fencingToken } = items[0]!;
  const { id, title, status } = await client.request<Task>('POST', `/v1/tasks/${task.id}/${verb}`, { fencingToken, ...outcome });
  return { id, title, status };
}

/**
 * A goal with three parts, each waiting for the one before: the first is done, so that the second can be claimed and the third
 * is blocked. Beside it, an import that failed for good.
 */
export const taskSteps: readonly DemoStep[] = [
  { name: 'goal', run: (client, made) => client.request('POST', '/v1/tasks', { title: 'A checkout that people finish', childPolicy: 'all', projectId: idOf(made, 'project'), externalId: 'checkout' }) },
  {
    name: 'tasks',
    run: (client, made) => {
      const common = { parentId: idOf(made, 'goal'), projectId: idOf(made, 'project') };
      return client.request('POST', '/v1/tasks/batch', {
        tasks: [
          { ...common, title: 'Compare three payment providers', type: 'research', requiredCapabilities: ['web_search'], priority: 8, input: { countries: ['DE', 'FR'] } },
          { ...common, title: 'Build the checkout', type: 'feature', requiredCapabilities: ['typescript'], dependsOn: [{ index: 0 }] },
          { ...common, title: 'Review the checkout', type: 'review', requiredCapabilities: ['code_review'], risk: 'medium', dependsOn: [{ index: 1 }] },
        ],
      });
    },
  },
  { name: 'research', run: (client, made) => work(client, idOf(made, 'scout'), 'completion', { result: { choice: 'the one without a contract', sources: 3 }, usage: { inputTokens: 5200, outputTokens: 840 } }) },
  {
    name: 'import',
    run: async (client, made) => {
      await client.request('POST', '/v1/tasks', { title: 'Import the old orders', type: 'import', requiredCapabilities: ['sql'], priority: 9, projectId: idOf(made, 'project') });
      return work(client, idOf(made, 'builder'), 'failure', { error: { message: 'The export has no currency', code: 'no-currency', retryable: false } });
    },
  },
];
