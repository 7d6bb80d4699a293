import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { testEngine } from '@agent-hive/kernel/testing';
import { cleanUp, freshDatabase, runHive, serve, temporaryDirectory, type Env } from './world.js';

interface Line {
  sequence?: number;
  entryId?: string;
}

/** A served hive with a few sealed entries, an export of them, and a checkpoint that was kept. */
async function kept() {
  const env = await freshDatabase();
  const hive = await serve(env);
  const headers = { authorization: `Bearer ${hive.key}`, 'content-type': 'application/json' };
  for (const name of ['Ada', 'Grace', 'Edsger']) await fetch(`${hive.url}/v1/agents`, { method: 'POST', headers, body: JSON.stringify({ name, type: 'general-purpose' }) });
  const asked: Env = { HIVE_URL: hive.url, HIVE_KEY: hive.key! };
  const size = async () => ((await (await fetch(`${hive.url}/v1/audit/checkpoints/latest`, { headers })).json()) as { size?: number }).size ?? 0;
  const unsealed = async () => ((await (await fetch(`${hive.url}/v1/audit/entries?total=true`, { headers })).json()) as { total: number }).total > (await size());
  for (const until = Date.now() + 10_000; (await unsealed()) && Date.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 50));
  const directory = temporaryDirectory();
  const [checkpoint, file] = [join(directory, 'checkpoint.json'), join(directory, 'record.ndjson')];
  writeFileSync(checkpoint, (await runHive(['audit', 'checkpoint'], asked)).out);
  writeFileSync(file, (await runHive(['audit', 'export'], asked)).out);
  return { env, asked, hive, checkpoint, file, directory };
}

describe('hive audit', () => {
  afterEach(() => cleanUp());

  it('verifies a running hive, and an export without one, and names what was done to the export', async () => {
    const { asked, hive, checkpoint, file, directory } = await kept();
    const online = await runHive(['audit', 'verify', '--checkpoint', checkpoint], asked);
    expect([online.code, online.out]).toEqual([0, expect.stringMatching(/^Verified: \d+ entries \(1 to \d+\) and \d+ checkpoints of tenant /)]);
    const keys = await runHive(['audit', 'keys'], asked);
    expect(keys.out).toMatch(/^[0-9a-f]{16} +[0-9a-f]{64} +\S+ +signs$/m);
    await hive.stop();

    // From here on there is no hive: no URL, and a data directory that does not exist.
    const offline = (name: string, lines: readonly string[], ...more: string[]) => {
      const path = join(directory, name);
      writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
      return runHive(['audit', 'verify', '--export', path, '--checkpoint', checkpoint, ...more], { HIVE_DATA_DIR: join(directory, 'none') });
    };
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const { sequence, entryId } = JSON.parse(lines[3]!) as Line;
    const clean = await offline('clean', lines);
    expect([clean.code, clean.out, clean.err]).toEqual([0, expect.stringMatching(/^Verified: entries 1 to \d+ of tenant /), '']);

    const without = (at: number) => lines.filter((_, i) => i !== at);
    const swapped = lines.map((line, i) => (i === 3 ? lines[4]! : i === 4 ? lines[3]! : line));
    const edited = lines.map((line, i) => (i === 3 ? line.replace(/"action":"/, '"action":"x') : line));
    const payload = lines.map((line, i) => (i === 3 ? line.replace(/"payload":"\[/, '"payload":"[ ') : line));
    for (const [name, spoiled, words] of [
      ['missing', without(3), `leaf-missing: tenant .*, sequence ${sequence}, entry unknown: entry ${sequence} is missing`],
      ['swapped', swapped, `leaf-unexpected: tenant .*, sequence ${sequence}, entry ${entryId}: entry ${sequence} comes again, or not in its place`],
      ['edited', edited, `leaf-edited: tenant .*, sequence ${sequence}, entry ${entryId}: `],
      ['payload', payload, `entry-edited: tenant .*, sequence ${sequence}, entry ${entryId}: `],
      ['duplicated', [...lines.slice(0, 4), ...lines.slice(3)], `leaf-unexpected: tenant .*, sequence ${sequence}, entry ${entryId}: `],
      ['truncated', lines.slice(0, -2), 'truncated: .*: the export breaks off behind entry'],
      ['truncated with its end', [...lines.slice(0, -2), lines.at(-1)!], 'truncated: .*, and the checkpoint covers'],
      ['no json', lines.map((line, i) => (i === 3 ? '{' : line)), `leaf-edited: tenant .*, sequence ${sequence}, entry unknown: line 4 is no entry`],
      ['longer', [...lines, '{}'], 'leaf-unexpected: .*comes after the last one'],
    ] as const) {
      const found = await offline(name, spoiled);
      expect([name, found.code, found.out]).toEqual([name, 1, expect.stringMatching(new RegExp(`^NOT as sealed: [\\s\\S]*${words}`))]);
    }
    const json = await offline('json', edited, '--json');
    expect([json.code, JSON.parse(json.out)]).toEqual([1, expect.objectContaining({ ok: false, breaches: expect.arrayContaining([expect.objectContaining({ kind: 'leaf-edited', sequence, entryId })]) })]);
  });

  it('says in a sentence what is no export and no checkpoint', async () => {
    const { hive, checkpoint, file, directory } = await kept();
    await hive.stop();
    const path = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const verify = (exported: string, note: string) => runHive(['audit', 'verify', '--export', exported, '--checkpoint', note], {});
    const foreign = path('foreign', JSON.stringify({ ...(JSON.parse(readFileSync(checkpoint, 'utf8')) as object), tenant: 'x' }));
    for (const [exported, note, words] of [
      [file, join(directory, 'nowhere'), 'Cannot read .*nowhere'],
      [join(directory, 'nowhere'), checkpoint, 'nowhere: ENOENT'],
      [file, path('other', '{}'), 'it is no checkpoint'],
      [path('empty', ''), checkpoint, 'the export is empty'],
      [checkpoint, checkpoint, 'its first line is not that of an export'],
      [file, foreign, 'and the checkpoint of tenant x'],
    ] as const) {
      const refused = await verify(exported, note);
      expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(new RegExp(`^hive: .*${words}`))]);
    }
    const alone = await runHive(['audit', 'verify', '--export', file], {});
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('--export needs --checkpoint')]);
    expect((await runHive(['audit', 'verify', '--since', '0'], {})).code).toBe(2);
  });

  it('keeps its key to its owner, signs on with it, and gives way to one that the operator names', async () => {
    const { env, hive } = await kept();
    await hive.stop();
    const path = join(testEngine() === 'server' ? env.HIVE_KEYS_DIR! : env.HIVE_DATA_DIR!, 'signing-key.pem');
    expect(statSync(path).mode & 0o777).toBe(0o600);

    const named = join(temporaryDirectory(), 'named.pem');
    writeFileSync(named, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const rotated = await serve({ ...env, HIVE_SIGNING_KEY_FILE: named });
    const asked = { HIVE_URL: rotated.url, HIVE_KEY: (await runHive(['keys', 'create', 'x', '--scopes', 'audit:read'], env)).out.trim() || hive.key! };
    const signers = async () => [...(await runHive(['audit', 'keys'], { ...asked, HIVE_KEY: hive.key! })).out.matchAll(/ (signs|retired)/g)].map(([, state]) => state);
    expect(await signers()).toEqual(['retired', 'signs']);
    const entries = async () => ((await (await fetch(`${rotated.url}/v1/audit/entries?action=signing_key.rotated`, { headers: { authorization: `Bearer ${hive.key}` } })).json()) as { items: object[] }).items;
    for (const until = Date.now() + 10_000; (await entries()).length === 0 && Date.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await entries()).toEqual([expect.objectContaining({ risk: 'high', actor: expect.objectContaining({ name: 'job:seal' }) })]);
    const verified = await runHive(['audit', 'verify'], { HIVE_URL: rotated.url, HIVE_KEY: hive.key! });
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining('Verified: ')]);
    await rotated.stop();

    // The key that was made at first is retired, and a start with it would sign a log that another key goes on with.
    const refused = await runHive(['start'], env);
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/Signing key [0-9a-f]{16} was retired on /)]);
    const broken = join(temporaryDirectory(), 'broken.pem');
    appendFileSync(broken, 'no key');
    const unreadable = await runHive(['start'], { ...env, HIVE_SIGNING_KEY_FILE: broken });
    expect([unreadable.code, unreadable.err]).toEqual([1, expect.stringContaining('is no Ed25519 private key in PEM')]);
  });

  it('refuses to sign with a key of its own making what another one signs', async () => {
    const { env, hive } = await kept();
    await hive.stop();
    const path = join(testEngine() === 'server' ? env.HIVE_KEYS_DIR! : env.HIVE_DATA_DIR!, 'signing-key.pem');
    writeFileSync(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const refused = await runHive(['start'], env);
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/is signed by key [0-9a-f]{16}, and the key found here is [0-9a-f]{16}: bring the file of that key/)]);
  });

  it('shows a newcomer an entry that was edited, and the verification that names it', async () => {
    const shown = await runHive(['demo', 'tamper'], {});
    expect([shown.code, shown.out]).toEqual([0, expect.stringMatching(/and verifies: yes\n.*superuser: update audit\.entry .* where id = '(\S+)'\n.*\n +entry-edited: tenant \S+, sequence \d+, entry \1: entry \1 is not what was sealed\n$/)]);
    const json = await runHive(['demo', 'tamper', '--json'], {});
    expect(JSON.parse(json.out)).toMatchObject({ before: { ok: true }, after: { ok: false, breaches: [{ kind: 'entry-edited' }] } });
  });
});
