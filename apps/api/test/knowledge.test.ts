import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, testEngine } from '@agent-hive/kernel/testing';
import { startHive, type RunningHive } from '../src/server/start.js';
import { domains } from '../src/domains.js';
import { ADMIN_KEY, testHive } from './world.js';

interface Progress {
  embedded: number;
  pending: number;
  failed: number;
}

const SECTIONS = 300;
const CONTENT = Array.from({ length: SECTIONS }, (_, i) => `# Section ${i}\n\n${'Some words about it. '.repeat(20)}`).join('\n\n');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const authorization = `Bearer ${ADMIN_KEY}`;

describe('knowledge in a running hive', () => {
  it('is embedded in the background, over the end of a process, and progress can be read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hive-knowledge-'));
    const db = testEngine() === 'server' ? await testDatabase(domains) : null;
    const where: Record<string, string> = db ? { DATABASE_URL: db.url!, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0' } : { HIVE_DATA_DIR: join(directory, 'data') };
    const start = (): Promise<RunningHive> => startHive({ PORT: '0', LOG_LEVEL: 'silent', HIVE_ADMIN_KEY: ADMIN_KEY, ...where }, { out: () => undefined, err: () => undefined });
    const progress = async ({ url }: RunningHive): Promise<Progress | undefined> =>
      ((await (await fetch(`${url}/v1/embedding-models`, { headers: { authorization } })).json()) as { items: { progress: Progress }[] }).items[0]?.progress;

    const first = await start();
    const made = await fetch(`${first.url}/v1/documents`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'd', category: 'c', content: CONTENT }) });
    expect(made.status).toBe(201);
    while (((await progress(first))?.embedded ?? 0) === 0) await pause(20);
    await first.stop();

    const second = await start();
    while ((await progress(second))!.pending > 0) await pause(50);
    expect(await progress(second)).toEqual({ embedded: SECTIONS, pending: 0, failed: 0 });
    await second.stop();
    await db?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('takes texts as large as it is configured for', async () => {
    const hive = await testHive({ HIVE_DOCUMENT_MAX_BYTES: '2000000' });
    const send = (bytes: number) => hive.post('/v1/documents', { name: `of ${bytes}`, category: 'c', content: 'word '.repeat(bytes / 5) });
    expect((await send(2_000_000)).status).toBe(201);
    const refused = await send(2_000_005);
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([422, 'content must have at most 2000000 bytes as UTF-8, and has 2000005']);
    await hive.stop();
  });
});
