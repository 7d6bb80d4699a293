import type { Client } from './client.js';

/** One step of the demo. `made` holds the results of the steps before it, by their names. */
export interface DemoStep {
  name: string;
  run(client: Client, made: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** The demo, step by step; each feature adds its own at the end. No step may take the time or chance for input. */
export const demoSteps: readonly DemoStep[] = [
  { name: 'project', run: (client) => client.request('POST', '/v1/projects', { name: 'Storefront', description: { goal: 'Rebuild the storefront' }, projectMetadata: { demo: true } }) },
  { name: 'user', run: (client) => client.request('POST', '/v1/users', { email: 'ada@example.com', name: 'Ada', userData: { team: 'platform' } }) },
];
