import { Agent, request } from 'node:http';
import { messageWork } from './messages-loops.js';
import { LATEST, MESSAGE, messagesOf } from './messages-world.js';
import { freePort, startProcess } from './servers.js';
import { hiveEnv } from './tasks-world.js';

/** The HTTP API of a server process as it is shipped; this process is its load, over connections that are kept. */
export async function open({ url, poolMax, world, crowd }) {
  const port = await freePort();
  const server = await startProcess('hive', ['apps/cli/dist/main.js', 'start'], { ...hiveEnv(url, world.key, poolMax), PORT: String(port) }, `http://127.0.0.1:${port}/readyz`);
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  const call = (method, path, body = '') =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${world.key}`, ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) };
      const sent = request({ agent, host: '127.0.0.1', port, path, method, headers }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part)).on('error', reject);
        answer.on('end', () => (answer.statusCode < 300 ? resolve(JSON.parse(Buffer.concat(parts).toString())) : reject(new Error(`${method} ${path} answered ${answer.statusCode}: ${Buffer.concat(parts).toString()}`))));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const body = JSON.stringify(MESSAGE);
  return messageWork({
    ...messagesOf(url, crowd),
    latestCount: LATEST,
    append: (session) => call('POST', `/v1/sessions/${session}/messages`, body),
    latest: async (session) => (await call('GET', `/v1/sessions/${session}/messages?limit=${LATEST}`)).items.length,
    async close() {
      agent.destroy();
      await server.stop();
    },
  });
}
