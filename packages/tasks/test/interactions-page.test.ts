import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import { anAgent, tasksApp } from './world.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/interactions.md', import.meta.url)), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!).join('\n');
const hasShell = ['sh', 'curl', 'sed'].every((name) => spawnSync(name, [name === 'sh' ? '-c' : '--version', ':']).error === undefined);

describe('the approval of docs/interactions.md', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  const withShell = hasShell ? it : it.skip;
  withShell('goes from end to end as it stands there (needs sh, curl and sed)', async () => {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const keyOf = (actor: object) => `test:${Buffer.from(JSON.stringify({ ...as, actor })).toString('base64url')}`;
    const env = { ...process.env, HIVE_URL: hive.baseUrl, AGENT: agent.id, KEY: keyOf({ type: 'agent', id: agent.id, name: 'worker' }), PERSON: keyOf({ type: 'service', id: null, name: 'desk' }) };
    const child = spawn('sh', ['-eu', '-c', commands], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    expect([await new Promise((resolve) => child.on('exit', resolve)), said]).toEqual([0, expect.not.stringContaining('"code"')]);
    const { body: interactions } = await hive.get('/v1/interactions', { as });
    expect(interactions).toMatchObject({ items: [{ status: 'approved', response: 'After lunch, please', respondedBy: { name: 'desk' }, usedAt: expect.any(String) }] });
    const { body: tasks } = await hive.get<{ items: TaskDto[] }>('/v1/tasks', { as });
    expect(tasks.items).toMatchObject([{ status: 'completed', result: { revision: 7 }, attempt: 1 }]);
  });
});
