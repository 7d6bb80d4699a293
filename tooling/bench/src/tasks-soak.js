import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { openHives } from './hives.js';
import { readHistory } from './tasks-soak-history.js';

const LEASE_SECONDS = 5;
/** How long after its end a lease may lie before its task is at work again. */
const RECLAIM_MS = 5_000;
const GIVE_UP_MS = 30 * 60_000;
const WORKER = new URL('tasks-soak-worker.js', import.meta.url).pathname;
const CHUNK = 1_000;
/** One task in so many takes longer than its lease: it lives by heartbeats. */
const LONG_EACH = 100;

/** A worker process; what it says goes to `heard`. */
function startWorker(settings, heard) {
  const child = spawn(process.execPath, [WORKER], { env: { ...process.env, SOAK_WORKER: JSON.stringify(settings) }, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  // The last line of one that is killed may be cut off.
  createInterface({ input: child.stdout }).on('line', (line) => line.endsWith('}') && heard(JSON.parse(line)));
  return {
    signal: (name) => child.kill(name),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * Claimers in worker processes over several servers; workers and servers are killed as the work goes on. By the history of
 * attempts, each task must have been completed exactly once, by its highest token, and what the killed ones held must have been
 * at work again in time. At the end a worker is stopped past its lease, and must change nothing when it goes on.
 */
export async function tasksSoak(engine, number) {
  const [tasks, servers, workers, claimers, kills, serverKills] = [number('tasks', 10_000), number('servers', 4), number('workers', 10), number('claimers', 50), number('kills', 10), number('server-kills', 2)];
  const hives = await openHives(servers);
  const client = new pg.Client({ connectionString: hives.database.url });
  await client.connect();
  const running = new Set();
  const heard = [];
  try {
    const agents = [];
    for (let i = 0; i < workers; i++) agents.push(await hives.call('POST', '/v1/agents', { name: `worker ${i}`, type: 'general-purpose' }));
    await createTasks(hives, tasks);
    const started = Date.now();
    const settings = (agent) => ({ urls: hives.urls, key: hives.key, agentId: agent.id, loops: Math.ceil(claimers / workers), leaseSeconds: LEASE_SECONDS, queue: 'soak' });
    const start = (agent) => running.add(Object.assign(startWorker(settings(agent), (line) => heard.push(line)), { agent }));
    for (const agent of agents) start(agent);
    const killWorker = async () => {
      const victim = [...running][Math.floor(Math.random() * running.size)];
      running.delete(victim);
      await victim.kill();
      start(victim.agent);
    };
    await untilDone(client, tasks, hives, [...dueAt(tasks, kills, killWorker), ...dueAt(tasks, serverKills, () => hives.killOne())]);
    const seconds = (Date.now() - started) / 1000;
    const history = await readHistory(client, heard, { queue: 'soak', leaseMs: LEASE_SECONDS * 1000 });
    const stopped = await stoppedWorker(hives, agents, settings, running);
    const ok =
      history.tasks === tasks && history.completedOnce === tasks && history.lost + history.duplicated + history.tokensOutOfOrder + history.acknowledgedLost + history.refused === 0 &&
      history.rescuedMs.min >= 0 && history.reclaimedMs.max <= RECLAIM_MS && stopped.ok;
    return { servers, workers, claimers, kills, serverKills, ...history, stopped, seconds, ok };
  } finally {
    await Promise.all([...running].map((worker) => worker.kill()));
    await client.end();
    await hives.close();
  }
}

async function createTasks(hives, count) {
  for (let made = 0; made < count; made += CHUNK) {
    const batch = Array.from({ length: Math.min(CHUNK, count - made) }, (_, i) => {
      const milliseconds = (made + i) % LONG_EACH === 0 ? LEASE_SECONDS * 1500 : 20 + Math.floor(Math.random() * 200);
      return { title: `${made + i}`, queue: 'soak', input: { milliseconds }, maxAttempts: 100 };
    });
    await hives.call('POST', '/v1/tasks/batch', { tasks: batch });
  }
}

/** So many times a deed, spread over the work. */
const dueAt = (tasks, times, deed) => Array.from({ length: times }, (_, i) => ({ at: Math.ceil((tasks * (i + 1)) / (times + 1)), deed }));

/** Waits until every task has ended, and does what is due on the way. */
async function untilDone(client, tasks, hives, deeds) {
  const under = [];
  for (const until = Date.now() + GIVE_UP_MS; ; ) {
    const { rows } = await client.query(`select count(*)::int as ended from tasks.task where queue = 'soak' and status in ('completed', 'failed', 'cancelled', 'dead')`);
    const [{ ended }] = rows;
    for (const due of deeds.filter((each) => !each.done && each.at <= ended)) {
      due.done = true;
      under.push(due.deed());
    }
    if (ended === tasks) break;
    hives.requireAll();
    if (Date.now() > until) throw new Error(`${tasks - ended} tasks have not ended after ${GIVE_UP_MS / 60_000} minutes`);
    await pause(100);
  }
  await Promise.all(under);
}

/** A worker that sleeps through the end of its lease, while another takes its task: what it writes then is refused, and changes nothing. */
async function stoppedWorker(hives, [agent, other], settings, running) {
  const lines = [];
  const said = async (event) => {
    for (const until = Date.now() + 60_000; !lines.some((line) => line.event === event); await pause(50)) if (Date.now() > until) throw new Error(`the stopped worker said nothing of ${event}`);
    return lines.find((line) => line.event === event);
  };
  const task = await hives.call('POST', '/v1/tasks', { title: 'stopped', queue: 'stopped', input: { milliseconds: 1000 } });
  const worker = startWorker({ ...settings(agent), loops: 1, queue: 'stopped' }, (line) => lines.push(line));
  running.add(worker);
  await said('claimed');
  worker.signal('SIGSTOP');
  const { items } = await claimUntil(() => hives.call('POST', '/v1/claims', { agentId: other.id, queues: ['stopped'], leaseSeconds: 60, waitSeconds: 20 }));
  const before = await hives.call('GET', `/v1/tasks/${task.id}`);
  worker.signal('SIGCONT');
  const { verb, token } = await said('lost');
  const after = await hives.call('GET', `/v1/tasks/${task.id}`);
  const changedNothing = JSON.stringify(before) === JSON.stringify(after);
  const [{ fencingToken }] = items;
  const completed = await hives.call('POST', `/v1/tasks/${task.id}/completion`, { fencingToken });
  return { refused: `${verb} with token ${token}: 409 lease-lost`, holder: `token ${fencingToken}`, changedNothing, ok: changedNothing && token < fencingToken && completed.status === 'completed' };
}

async function claimUntil(claim) {
  for (let looks = 0; looks < 3; looks++) {
    const answer = await claim();
    if (answer.items.length > 0) return answer;
  }
  throw new Error('nobody rescued the task of the stopped worker');
}
