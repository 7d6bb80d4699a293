import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanUp, freshDatabase, runHive, serve, spawnHive, temporaryDirectory, type Env, type Server } from './world.js';

interface Document {
  id: string;
  name: string;
  currentVersion: number;
  format: string;
}

const write = (directory: string, files: Record<string, string | Buffer>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
};

describe('hive knowledge import', () => {
  let server: Server;
  let env: Env;
  beforeAll(async () => {
    server = await serve(await freshDatabase());
    env = { HIVE_URL: server.url, HIVE_KEY: server.key! };
  });
  afterAll(async () => {
    await server.stop();
    await cleanUp();
  });

  const get = async <T>(path: string): Promise<T> => (await (await fetch(server.url + path, { headers: { authorization: `Bearer ${server.key}` } })).json()) as T;
  async function documents(category: string): Promise<Document[]> {
    const all: Document[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: Document[]; nextCursor: string | null } = await get(`/v1/documents?limit=100&category=${category}${cursor && `&cursor=${cursor}`}`);
      all.push(...page.items);
      cursor = page.nextCursor;
    }
    return all;
  }

  it('makes each file a document, leaves alone what has not changed, and names each file that failed', async () => {
    const directory = temporaryDirectory();
    write(directory, { 'one.md': '# One\n\nAbout leases.', 'deep/er/two.ts': 'export const two = 2;\n', 'three.json': '{"three":3}', 'empty.md': '\n', 'binary.bin': Buffer.from([0, 1, 2]), 'latin.txt': Buffer.from([0xe4]), '.hidden/x.md': 'x', 'node_modules/y/z.md': 'z' });
    symlinkSync(join(directory, 'one.md'), join(directory, 'link.md'));
    const first = await runHive(['knowledge', 'import', directory, '--category', 'mixed'], env);
    expect(first).toMatchObject({ code: 1, out: '6 of 6 files: 3 new, 0 changed, 0 unchanged, 1 empty, 2 failed\n' });
    expect(first.err).toContain('binary.bin: is no text in UTF-8');
    expect(first.err).toContain('latin.txt: is no text in UTF-8');
    expect((await documents('mixed')).map(({ name, format }) => [name, format]).sort()).toEqual([['deep/er/two.ts', 'code'], ['one.md', 'markdown'], ['three.json', 'json']]);
    write(directory, { 'one.md': '# One\n\nAbout heartbeats.' });
    const second = await runHive(['knowledge', 'import', directory, '--category', 'mixed', '--json'], env);
    expect(JSON.parse(second.out)).toMatchObject({ files: 6, created: 0, changed: 1, unchanged: 2, skipped: 1, failed: 2 });
    const one = (await documents('mixed')).find(({ name }) => name === 'one.md')!;
    expect(one.currentVersion).toBe(2);
    expect((await get<{ content: string }>(`/v1/documents/${one.id}`)).content).toBe(readFileSync(join(directory, 'one.md'), 'utf8'));
  });

  it('goes on where it was after it was killed twice, without duplicates', async () => {
    const directory = temporaryDirectory();
    const count = 400;
    write(directory, Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i % 10}/file-${i}.md`, `# File ${i}\n\n${`Paragraph ${i} about things. `.repeat(60)}`])));
    let before = 0;
    for (let kill = 0; kill < 2; kill++) {
      const running = spawnHive(['knowledge', 'import', directory, '--category', 'killed'], env);
      for (let now = before; now < before + 20; now = (await documents('killed')).length) await new Promise((resolve) => setTimeout(resolve, 20));
      running.child.kill('SIGKILL');
      await running.exited;
      before = (await documents('killed')).length;
    }
    expect(before).toBeLessThan(count);
    const last = await runHive(['knowledge', 'import', directory, '--category', 'killed', '--json'], env);
    expect(last.code).toBe(0);
    const { created, unchanged } = JSON.parse(last.out) as { created: number; unchanged: number };
    expect(unchanged).toBeGreaterThanOrEqual(before);
    expect(created + unchanged).toBe(count);
    const all = await documents('killed');
    expect([all.length, new Set(all.map(({ name }) => name)).size, Math.max(...all.map(({ currentVersion }) => currentVersion))]).toEqual([count, count, 1]);
  });

  it('says why it cannot', async () => {
    expect(await runHive(['knowledge', 'import', '/no/such/directory', '--category', 'c'], env)).toMatchObject({ code: 1, err: expect.stringContaining('Cannot read the directory /no/such/directory') });
    expect((await runHive(['knowledge', 'import', temporaryDirectory()], env)).code).toBe(2);
    expect(await runHive(['knowledge', 'import', temporaryDirectory(), '--category', 'c'], { ...env, HIVE_URL: 'http://127.0.0.1:9' })).toMatchObject({ code: 1, err: expect.stringContaining('Cannot reach the hive') });
    expect(await runHive(['knowledge', 'import', temporaryDirectory(), '--category', 'c'], env)).toMatchObject({ code: 0, out: '0 of 0 files: 0 new, 0 changed, 0 unchanged, 0 empty, 0 failed\n' });
  });
});
