import { randomBytes } from 'node:crypto';
import { createDatabase, freePort, serverUrl, startProcess } from './servers.js';

/** Several hives over one database, which are killed and come back at their addresses; with more of an environment when told so. */
export async function openHives(count, more = {}) {
  const key = randomBytes(24).toString('base64url');
  const database = await createDatabase(serverUrl());
  const hives = [];
  for (let i = 0; i < count; i++) hives.push({ port: await freePort() });
  const urlOf = ({ port }) => `http://127.0.0.1:${port}`;
  const env = { DATABASE_URL: database.url, HIVE_ALLOW_SUPERUSER: 'true', HIVE_ADMIN_KEY: key, LOG_LEVEL: 'warn', ...more };
  const start = async (hive) => {
    hive.process = await startProcess('hive', ['apps/cli/dist/main.js', 'start'], { ...env, PORT: String(hive.port) }, `${urlOf(hive)}/readyz`);
    hive.isWanted = true;
    const { exited } = hive.process;
    void exited.then(([code, signal]) => hive.isWanted && (hive.gone = `the hive on port ${hive.port} ended by itself: ${signal ?? code}`));
  };
  const [first, ...others] = hives;
  await start(first); // which migrates
  await Promise.all(others.map(start));
  return {
    key,
    database,
    urls: hives.map(urlOf),
    async call(method, path, body) {
      const answer = await fetch(urlOf(first) + path, { method, headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
      const content = await answer.json();
      if (answer.status >= 400) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(content)}`);
      return content;
    },
    /** A soak goes on when it killed one, not when one died. */
    requireAll() {
      const lost = hives.find((hive) => hive.gone);
      if (lost) throw new Error(lost.gone);
    },
    /** Never the first one, which the soak itself talks to. */
    async killOne() {
      const up = others.filter((hive) => hive.isWanted);
      const hive = up[Math.floor(Math.random() * up.length)];
      hive.isWanted = false;
      process.kill(hive.process.pid, 'SIGKILL');
      await hive.process.exited;
      await start(hive);
    },
    async close() {
      for (const hive of hives) hive.isWanted = false;
      await Promise.all(hives.map((hive) => hive.process?.stop()));
      await database.drop();
    },
  };
}
