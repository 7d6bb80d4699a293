import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import { aTask, anAgent, read, tasksApp } from './world.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/workers.md', import.meta.url)), 'utf8');

describe('the worker of docs/workers.md, as it stands there', () => {
  let hive: TestApp;
  let folder: string;
  beforeAll(async () => {
    hive = await tasksApp();
    folder = mkdtempSync(join(tmpdir(), 'hive-worker-'));
    writeFileSync(join(folder, 'worker.mjs'), /^```js\n([\s\S]*?)^```$/m.exec(page)![1]!);
  });
  afterAll(async () => {
    await hive.close();
    rmSync(folder, { recursive: true });
  });

  /** A worker of an agent in a tenant of its own; `said` resolves with the line that matches, `stop` with the exit code. */
  async function aWorker(leaseSeconds = '5') {
    const as = principal();
    const agent = await anAgent(hive, {}, { as });
    const key = `test:${Buffer.from(JSON.stringify(as)).toString('base64url')}`;
    const child = spawn(process.execPath, ['worker.mjs'], { cwd: folder, env: { HIVE_URL: hive.baseUrl, HIVE_KEY: key, HIVE_AGENT: agent.id, LEASE_SECONDS: leaseSeconds } });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (out += data));
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    const until = async (condition: () => Promise<boolean> | boolean) => {
      for (const deadline = Date.now() + 60_000; !(await condition()); await new Promise((resolve) => setTimeout(resolve, 50))) {
        if (Date.now() > deadline) throw new Error(`not in time; the worker said:\n${out}`);
      }
    };
    const stop = () => {
      child.kill('SIGTERM');
      return exited;
    };
    const running = (task: TaskDto) => until(async () => ['claimed', 'running'].includes((await read(hive, task, { as })).status));
    return { as, until, running, said: (line: string) => until(() => out.includes(line)), stop };
  }

  it('does what it is given and says what came of it', async () => {
    const { as, said, stop } = await aWorker();
    const good = await aTask(hive, { input: { n: 21 } }, { as });
    const bad = await aTask(hive, { maxAttempts: 1 }, { as });
    await said(`done ${good.id}`);
    await said(`failed ${bad.id}`);
    expect(await read(hive, good, { as })).toMatchObject({ status: 'completed', result: { doubled: 42 } });
    expect(await read(hive, bad, { as })).toMatchObject({ status: 'dead', error: { message: 'n is missing' } });
    expect(await stop()).toBe(0);
  });

  it('keeps its lease for as long as it works, by signs of life', async () => {
    const { as, said, stop } = await aWorker('5');
    const task = await aTask(hive, { input: { n: 1, milliseconds: 6500 } }, { as });
    await said(`done ${task.id}`);
    expect(await read(hive, task, { as })).toMatchObject({ status: 'completed', attempt: 1 });
    await stop();
  });

  it('lets go of a task that is not its own any more', async () => {
    const { as, running, said, stop } = await aWorker('5');
    const task = await aTask(hive, { input: { n: 1, milliseconds: 60_000 } }, { as });
    await running(task);
    await hive.post(`/v1/tasks/${task.id}/cancellation`, { reason: 'not needed' }, { as });
    await said(`lost ${task.id}`);
    expect(await read(hive, task, { as })).toMatchObject({ status: 'cancelled' });
    await stop();
  });

  it('finishes what it has in hand when it is told to stop, and claims no more', async () => {
    const { as, running, stop } = await aWorker();
    const task = await aTask(hive, { input: { n: 4, milliseconds: 1500 } }, { as });
    await running(task);
    const exit = stop();
    const next = await aTask(hive, { input: { n: 5 } }, { as });
    expect(await exit).toBe(0);
    expect(await read(hive, task, { as })).toMatchObject({ status: 'completed', result: { doubled: 8 } });
    expect(await read(hive, next, { as })).toMatchObject({ status: 'ready' });
  });
});
