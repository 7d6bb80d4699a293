/**
 * The README's first minute as a newcomer takes it: the start command, the screen that it prints, each curl in turn with only
 * `$KEY` set, the end by a signal, and a second start. Everything is run as it stands there, but for the port when 3000 is busy.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, text]) => text.trimEnd());
const commands = blocks[0].split('\n').map((line) => line.replace(/ +#.*$/, ''));
const screen = blocks.find((text) => text.includes('Agent Hive') && text.includes('Docs'));
const curls = blocks.filter((text) => text.startsWith('curl '));
const README_URL = 'http://127.0.0.1:3000';
const PATIENCE_MS = 300_000;

const data = mkdtempSync(join(tmpdir(), 'hive-readme-'));
// What a developer has set for hives must not decide how the first minute goes.
const kept = Object.entries(process.env).filter(([name]) => !/^(HIVE_|DATABASE_|POSTGRES_|REDIS_URL$|PORT$|HOST$|LOG_LEVEL$)/.test(name));
const env = { ...Object.fromEntries(kept), HIVE_DATA_DIR: join(data, 'data') };

/** Starts the hive by the README's command; resolves with the screen when it is there. */
async function start() {
  const child = spawn('bash', ['-c', `exec ${commands[0]}`], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const exited = new Promise((resolve) => child.on('close', resolve));
  const shown = new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${commands[0]} ${why}:\n${out}\n${err}`));
    setTimeout(fail, PATIENCE_MS, `showed no key within ${PATIENCE_MS / 1000} s`).unref();
    void exited.then((code) => fail(`ended with ${code}`));
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (/^ {2}Key +.*\n/m.test(out)) resolve(out);
    });
    child.stderr.on('data', (chunk) => (err += chunk));
  });
  const stop = async () => {
    // A terminal's Ctrl-C goes to the whole group, and so does this.
    if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 15_000);
    await exited;
    clearTimeout(late);
  };
  return { text: await shown, stop };
}

const secondsOf = (text) => Number(/is ready \(([\d.]+) s\)/.exec(text)?.[1]);
const shape = (text) =>
  text
    .replace(/hive_local_\S+/g, 'KEY')
    .replace(/\([\d.]+ s\)/, '(N s)')
    .replace(/PostgreSQL in \S+/, 'PostgreSQL in DATA')
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .trim();

describe("the README's first minute", () => {
  let hive;
  let key;
  let url;
  before(async () => {
    hive = await start();
    key = /^ {2}Key +(hive_\S+)$/m.exec(hive.text)?.[1];
    url = /^ {2}API +(\S+)$/m.exec(hive.text)?.[1];
  });
  after(async () => {
    await hive?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  it('names the two commands, of which the checks run the other', () => {
    assert.equal(commands.length, 2);
    assert.match(readFileSync(join(root, '.ci/run'), 'utf8'), new RegExp(`^step test tests (env [A-Z_]+=\\S+ )?${commands[1]} `, 'm'));
  });

  it('shows the screen that the start prints, within 10 s', () => {
    assert.equal(shape(hive.text), shape(screen));
    assert.ok(key, 'a key');
    console.log(`first start: ${secondsOf(hive.text)} s`);
    assert.ok(secondsOf(hive.text) <= 10);
  });

  it('has six curls', () => assert.equal(curls.length, 6));

  for (const [i, curl] of curls.entries()) {
    it(curl.replace(/ -H .*/, '').slice(0, 100), () => {
      const run = spawnSync('bash', ['-c', `${curl.replaceAll(README_URL, url)} -w '\\n%{http_code}'`], { env: { ...env, KEY: key }, encoding: 'utf8' });
      const [body, status] = [run.stdout.slice(0, run.stdout.lastIndexOf('\n')), run.stdout.split('\n').at(-1)];
      assert.equal(run.status, 0, run.stderr);
      assert.match(status, /^20[01]$/, `${i + 1}: ${body}`);
      const answer = JSON.parse(body);
      assert.ok(Object.keys(answer).length > 0);
      assert.notEqual(answer.items?.length, 0, `${i + 1}: nothing to see`);
    });
  }

  it('goes the second time within 3 s, with the data of the first', async () => {
    await hive.stop();
    hive = await start();
    console.log(`second start: ${secondsOf(hive.text)} s`);
    assert.ok(secondsOf(hive.text) <= 3);
    assert.match(hive.text, /Key +the one shown at the first start/);
    const address = /^ {2}API +(\S+)$/m.exec(hive.text)[1];
    const agent = await fetch(`${address}/v1/agents/by-external-id/scout-1`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(agent.status, 200);
  });
});
