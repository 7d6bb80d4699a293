import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, DirectoryInUse, kernelDomain, migrate } from '../src/index.js';
import { lockDirectory } from '../src/engine/directory-lock.js';

describe('the exclusive lock of a data directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hive-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const aProcess = async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await new Promise((resolve) => child.once('spawn', resolve));
    return child;
  };
  const ended = (child: ReturnType<typeof spawn>) => new Promise((resolve) => child.once('exit', resolve));
  const lockOf = (pid: number) => writeFileSync(join(directory, 'hive.lock'), JSON.stringify({ pid, host: hostname(), since: 'then', startTicks: null }));

  it('refuses a second taker and names the first', () => {
    const release = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
    expect(() => lockDirectory(directory)).toThrow(`process ${process.pid} on ${hostname()}`);
    release();
    lockDirectory(directory)();
    expect(existsSync(join(directory, 'hive.lock'))).toBe(false);
  });

  it('holds while the process of another lives, and is taken over when that was killed', async () => {
    const child = await aProcess();
    lockOf(child.pid!);
    expect(() => lockDirectory(directory)).toThrow(`process ${child.pid}`);
    child.kill('SIGKILL');
    await ended(child);
    const release = lockDirectory(directory);
    expect(JSON.parse(readFileSync(join(directory, 'hive.lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    release();
  });

  it('is not fooled by a process id that was used again', () => {
    writeFileSync(join(directory, 'hive.lock'), JSON.stringify({ pid: process.pid, host: hostname(), since: 'then', startTicks: '1' }));
    lockDirectory(directory)();
  });

  it('stands when another host took it, or its file cannot be read', () => {
    writeFileSync(join(directory, 'hive.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', since: 'then', startTicks: null }));
    expect(() => lockDirectory(directory)).toThrow('process 1 on elsewhere');
    writeFileSync(join(directory, 'hive.lock'), 'rubbish');
    expect(() => lockDirectory(directory)).toThrow('Cannot read the lock');
  });

  it('is given back when the database cannot be opened', async () => {
    await expect(Database.open({ engine: 'embedded', dataDir: directory, loadDataDir: new Blob(['no archive']) })).rejects.toThrow();
    expect(existsSync(join(directory, 'hive.lock'))).toBe(false);
  });

  it('keeps the data over a restart of the embedded engine [S5.2, S5.4, S5.7]', async () => {
    const first = await Database.open({ engine: 'embedded', dataDir: directory });
    await migrate(first, [kernelDomain]);
    await expect(Database.open({ engine: 'embedded', dataDir: directory })).rejects.toThrow(DirectoryInUse);
    await first.close();
    const second = await Database.open({ engine: 'embedded', dataDir: directory });
    expect(await migrate(second, [kernelDomain])).toEqual([]);
    await second.close();
  });
});
