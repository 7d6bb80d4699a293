import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, freePort, serverUrl, startProcess } from './servers.js';

/** A hive over a database of its own on either engine, with calls as its administrator. `restart` starts it again after a kill. */
export async function openHive(engine) {
  const key = randomBytes(24).toString('base64url');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const database = engine === 'server' ? await createDatabase(serverUrl()) : null;
  const directory = engine === 'embedded' ? mkdtempSync(join(tmpdir(), 'hive-soak-')) : null;
  const where = database ? { DATABASE_URL: database.url, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MAX: '20' } : { HIVE_DATA_DIR: directory };
  const start = () => startProcess('hive', ['apps/cli/dist/main.js', 'start'], { ...where, HIVE_ADMIN_KEY: key, PORT: String(port), LOG_LEVEL: 'warn' }, `${url}/readyz`);
  let server = await start();
  const call = async (method, path, body, headers = {}) => {
    const answer = await fetch(url + path, { method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }), ...headers } });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: text === '' ? null : JSON.parse(text) };
  };
  return {
    url,
    key,
    call,
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    restart: async () => void (server = await start()),
    close: async () => {
      await server.stop();
      await database?.drop();
      if (directory) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Every client reads, adds one, and writes under the version that it read, until it has written `each` times. */
export async function incrementsSoak(engine, number) {
  const [clients, each] = [number('clients', 32), number('each', 100)];
  const hive = await openHive(engine);
  try {
    const { body: agent } = await hive.call('POST', '/v1/agents', { name: 'counter', type: 'general-purpose', config: { n: 0 } });
    const path = `/v1/agents/${agent.id}`;
    let stale = 0;
    const started = Date.now();
    const client = async () => {
      for (let done = 0; done < each; ) {
        const { body, headers } = await hive.call('GET', path);
        const answer = await hive.call('PATCH', path, { config: { n: body.config.n + 1 } }, { 'if-match': headers.get('etag') });
        if (answer.status === 200) done++;
        else if (answer.status === 412) {
          stale++;
          await new Promise((resolve) => setTimeout(resolve, Math.random() * clients)); // else all come back at once, and one of them wins
        }
        else throw new Error(`PATCH answered ${answer.status}: ${answer.text}`);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    const { body } = await hive.call('GET', path);
    const expected = clients * each;
    return { clients, each, expected, counted: body.config.n, version: body.version, stale, seconds: (Date.now() - started) / 1000, ok: body.config.n === expected && body.version === expected + 1 };
  } finally {
    await hive.close();
  }
}

/** Rounds of one key sent by all clients at once; a duplicate in flight may be told to come back. */
export async function idempotencySoak(engine, number) {
  const [clients, rounds] = [number('clients', 50), number('rounds', 20)];
  const hive = await openHive(engine);
  try {
    let [distinct, inFlight] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const key = randomUUID();
      const client = async () => {
        for (;;) {
          const answer = await hive.call('POST', '/v1/agents', { name: `round ${round}`, type: 'general-purpose' }, { 'idempotency-key': key });
          if (answer.status === 201) return answer.text;
          if (answer.status !== 409 || !answer.headers.get('retry-after')) throw new Error(`POST answered ${answer.status}: ${answer.text}`);
          inFlight++;
        }
      };
      distinct += new Set(await Promise.all(Array.from({ length: clients }, client))).size;
    }
    const { body } = await hive.call('GET', '/v1/agents?limit=1&total=true');
    return { clients, rounds, requests: clients * rounds, agents: body.total, distinctAnswers: distinct, inFlight, ok: body.total === rounds && distinct === rounds };
  } finally {
    await hive.close();
  }
}

/** Writers register agents without pause; the server is killed at random moments. Whatever was answered 201 must be there after. */
export async function killSoak(engine, number) {
  const kills = number('kills', 10);
  const hive = await openHive(engine);
  const acknowledged = [];
  let [stopping, unanswered] = [false, 0];
  const writer = async () => {
    while (!stopping) {
      const answer = await hive.call('POST', '/v1/agents', { name: 'survivor', type: 'general-purpose' }).catch(() => null); // the server was killed meanwhile
      if (answer?.status === 201) acknowledged.push(answer.body.id);
      else {
        unanswered++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  try {
    const writers = Array.from({ length: 8 }, writer);
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1500));
      await hive.kill();
      await hive.restart();
    }
    stopping = true;
    await Promise.all(writers);
    let lost = 0;
    for (const id of acknowledged) if ((await hive.call('GET', `/v1/agents/${id}`)).status !== 200) lost++;
    return { kills, acknowledged: acknowledged.length, unanswered, lost, ok: lost === 0 && acknowledged.length > 0 };
  } finally {
    stopping = true;
    await hive.close();
  }
}
