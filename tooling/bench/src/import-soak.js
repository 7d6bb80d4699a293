import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatherCollection } from './knowledge-collection.js';
import { openHive } from './soaks.js';

const ROOT = new URL('../../../', import.meta.url).pathname;
const CATEGORY = 'soak';

/** The documentation of the dependencies is imported by the command line, which is killed again and again; at the end every file is there, once. */
export async function importSoak(engine, number) {
  const kills = number('kills', 2);
  const directory = mkdtempSync(join(tmpdir(), 'hive-import-'));
  const hive = await openHive(engine);
  try {
    const files = gatherCollection(directory).length;
    const there = async () => (await hive.call('GET', `/v1/documents?category=${CATEGORY}&limit=1&total=true`)).body.total;
    const atKills = [];
    for (let kill = 1; kill <= kills; kill++) {
      const { child, ended } = startImport(hive, directory);
      // Kills are spread over the import: after a third of the files and after two, when there are two.
      while ((await there()) < (files * kill) / (kills + 1) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
      child.kill('SIGKILL');
      const { signal } = await ended;
      if (signal !== 'SIGKILL') throw new Error(`the import ended before it was killed for the ${kill}. time`);
      atKills.push(await there());
    }
    const { created, changed, unchanged, skipped, failed } = await startImport(hive, directory).ended.then(({ output }) => JSON.parse(output));
    const documents = await everyDocument(hive);
    const distinct = new Set(documents.map(({ name }) => name)).size;
    const newVersions = documents.filter(({ currentVersion }) => currentVersion > 1).length;
    const ok = failed === 0 && changed === 0 && newVersions === 0 && documents.length === distinct && documents.length + skipped === files && created + unchanged === documents.length && unchanged >= atKills.at(-1);
    return { kills, files, atKills, created, unchanged, skipped, failed, documents: documents.length, distinct, newVersions, ok };
  } finally {
    await hive.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function startImport({ url, key }, directory) {
  const child = spawn(process.execPath, ['apps/cli/dist/main.js', 'knowledge', 'import', directory, '--category', CATEGORY, '--json'], { cwd: ROOT, env: { ...process.env, HIVE_URL: url, HIVE_KEY: key }, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  return { child, ended: once(child, 'close').then(([, signal]) => ({ signal, output })) };
}

async function everyDocument(hive) {
  const all = [];
  for (let cursor = ''; cursor !== null; ) {
    const { body } = await hive.call('GET', `/v1/documents?category=${CATEGORY}&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...body.items);
    cursor = body.nextCursor;
  }
  return all;
}
