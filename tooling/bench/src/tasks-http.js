import { Agent, request } from 'node:http';
import { freePort, startProcess } from './servers.js';
import { INPUT, inLoops } from './tasks-loops.js';
import { hiveEnv, tasksOf } from './tasks-world.js';

const KEPT_MAX = 100;

/** The HTTP API of a server process as it is shipped; this process is its load, over connections that are kept. */
export async function open({ url, poolMax, world, crowd }) {
  const port = await freePort();
  const server = await startProcess('hive', ['apps/cli/dist/main.js', 'start'], { ...hiveEnv(url, world.key, poolMax), PORT: String(port) }, `http://127.0.0.1:${port}/readyz`);
  const agent = new Agent({ keepAlive: true, maxSockets: KEPT_MAX });
  const post = (path, body) => send({ agent, port, path, key: world.key }, JSON.stringify(body));
  const task = { title: 'bench', type: 'bench', input: INPUT };
  const complete = ([first, ...others]) =>
    others.length === 0
      ? post(`/v1/tasks/${first.task.id}/completion`, { fencingToken: first.fencingToken })
      : post('/v1/completions', { items: [first, ...others].map(({ task: { id }, fencingToken }) => ({ taskId: id, fencingToken })) });
  return {
    ...tasksOf(url, crowd),
    enqueue: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (_loop, time) => {
        await time('insert', batch === 1 ? post('/v1/tasks', task) : post('/v1/tasks/batch', { tasks: Array.from({ length: batch }, () => task) }));
        return batch;
      }),
    drain: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (loop, time) => {
        const { items } = await time('claim', post('/v1/claims', { agentId: world.agentIds[loop], limit: batch }));
        if (items.length > 0) await time('complete', complete(items));
        return items.length;
      }),
    async close() {
      agent.destroy();
      await server.stop();
    },
  };
}

const send = ({ agent, port, path, key }, body) =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (answer.statusCode < 300) resolve(JSON.parse(text));
        else reject(new Error(`POST ${path} answered ${answer.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
