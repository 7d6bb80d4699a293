import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync, existsSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Database, DirectoryInUse, DirectoryUnusable, kernelDomain, migrate, type ServerSettings } from '../src/index.js';
import { beat, lockDirectory } from '../src/engine/directory-lock.js';
import { connectionOf } from '../src/engine/server-url.js';
import { testDatabase } from '../src/testing/index.js';

const TAKER = fileURLToPath(new URL('lock-taker.ts', import.meta.url));
const LOCK = fileURLToPath(new URL('../src/engine/directory-lock.ts', import.meta.url));
const answer = (taker: ChildProcess) => new Promise<unknown>((resolve) => taker.once('message', resolve));

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

  it('goes to one process alone when several take it over at once, again and again', async () => {
    const gone = await aProcess();
    gone.kill('SIGKILL');
    await ended(gone);
    const takers = Array.from({ length: 3 }, () => fork(TAKER, [directory, LOCK]));
    try {
      await Promise.all(takers.map(answer));
      for (let round = 0; round < 150; round++) {
        lockOf(gone.pid!);
        const at = Date.now() + 5;
        const took = takers.map((taker) => (taker.send({ at }), answer(taker)));
        expect((await Promise.all(took)).sort()).toEqual(['refused', 'refused', 'took']);
        await Promise.all(takers.map((taker) => (taker.send({}), answer(taker))));
        expect(readdirSync(directory)).toEqual([]);
      }
    } finally {
      for (const taker of takers) taker.kill();
    }
  });

  it('is taken over from a process that was killed while it took it over', async () => {
    const gone = await aProcess();
    gone.kill('SIGKILL');
    await ended(gone);
    lockOf(gone.pid!);
    const text = readFileSync(join(directory, 'hive.lock'), 'utf8');
    const heir = join(directory, `hive.lock.after-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`);
    writeFileSync(heir, JSON.stringify({ pid: gone.pid, host: hostname(), since: 'later', startTicks: null }));
    const release = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
    release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is taken over when its file is empty, but not in the instant in which one may be writing it', () => {
    const path = join(directory, 'hive.lock');
    writeFileSync(path, '');
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
    const earlier = Date.now() / 1000 - 60;
    utimesSync(path, earlier, earlier);
    lockDirectory(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is not given back by one that lost it', () => {
    const release = lockDirectory(directory);
    rmSync(join(directory, 'hive.lock'));
    const other = lockDirectory(directory);
    release();
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
    other();
  });

  it('stands when another host took it, or its file cannot be read', () => {
    writeFileSync(join(directory, 'hive.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', since: 'then', startTicks: null }));
    expect(() => lockDirectory(directory)).toThrow('process 1 on elsewhere');
    writeFileSync(join(directory, 'hive.lock'), 'rubbish');
    expect(() => lockDirectory(directory)).toThrow('Cannot read the lock');
  });

  it('of another host is refused with the host and its age while that has a heartbeat, and an orphan once that is long ago', () => {
    const path = join(directory, 'hive.lock');
    const text = JSON.stringify({ pid: 1, host: 'elsewhere', since: 'then', startTicks: null, heartbeat: true });
    writeFileSync(path, text);
    const ago = (seconds: number) => utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
    ago(100);
    expect(() => lockDirectory(directory)).toThrow(/process 1 on elsewhere since then, .* last heard of 100 s ago, .* 5 minutes after that\. .* remove .*hive\.lock/);
    ago(400);
    lockDirectory(directory)();
    expect(readdirSync(directory)).toEqual([]);
    writeFileSync(path, text.replace(',"heartbeat":true', ''));
    ago(400);
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
  });

  it('is touched while it is held, and not left to another in silence', () => {
    const path = join(directory, 'hive.lock');
    const release = lockDirectory(directory);
    const own = readFileSync(path, 'utf8');
    utimesSync(path, 0, 0);
    beat(path, own);
    expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
    release();
    beat(path, own);
    lockOf(1);
    expect(() => beat(path, own)).toThrow('was taken over while this process stood still');
  });

  it.each([
    ['/proc/no_such', 'Cannot write the data directory /proc/no_such: '],
    ['/dev/null/hive', 'Cannot write the data directory /dev/null/hive: '],
  ])('names a directory that cannot be made, and why: %s', (path, message) => {
    expect(() => lockDirectory(path)).toThrow(DirectoryUnusable);
    expect(() => lockDirectory(path)).toThrow(message);
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

describe('a database that is closed', () => {
  it('answers first what waits for a connection that is just being opened', async () => {
    const db = await testDatabase([kernelDomain]);
    const asked = Promise.all(Array.from({ length: 5 }, async (_, i) => (await db.database.execute<{ i: number }>(db.orm, `select ${i} as i`))[0]!.i));
    await setImmediate();
    await db.close();
    expect(await asked).toEqual([0, 1, 2, 3, 4]);
  }, 20_000);
});

describe('the URL of a server', () => {
  const versionAt = async (settings: Omit<ServerSettings, 'engine'>, login: 'app' | 'owner') => {
    const database = await Database.open({ engine: 'server', connectTimeoutMs: 2_000, poolMin: 0, ...settings });
    try {
      await database.verifyVersion(await database.orm({ entities: [], login }));
    } finally {
      await database.close();
    }
  };

  /** A server that has no TLS: it answers the first message, which asks for it, with N. Returns the first messages too. */
  const withoutTls = async () => {
    const first: number[] = [];
    const server = createServer((socket) => {
      socket.once('data', (data) => {
        first.push(data.readInt32BE(4));
        socket.end('N');
      });
      socket.on('error', () => undefined); // the client hangs up as it likes
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { at: `127.0.0.1:${(server.address() as AddressInfo).port}`, first, close: () => server.close() };
  };
  const SSL_REQUEST = 80_877_103;

  it.each(['app', 'owner'] as const)('that asks for TLS never opens a connection in clear, as %s', async (login) => {
    const server = await withoutTls();
    const url = `postgres://hive@${server.at}/hive`;
    await expect(versionAt({ url: `${url}?sslmode=verify-full`, migrationUrl: `${url}?sslmode=no-verify` }, login)).rejects.toThrow('does not support SSL');
    expect(server.first).toEqual([SSL_REQUEST]);
    server.close();
  });

  it('is read for each replica, and never falls back to what the first server is reached by', async () => {
    const server = await withoutTls();
    const database = await Database.open({ engine: 'server', url: `postgres://hive@${server.at}/hive`, replicaUrls: [`postgres://hive@${server.at}/replica?sslmode=no-verify`], poolMin: 0 });
    const orm = await database.orm({ entities: [], login: 'app' });
    await expect(orm.em.getConnection('read').execute('select 1')).rejects.toThrow('does not support SSL');
    expect(server.first).toEqual([SSL_REQUEST]);
    await database.close();
    server.close();
  });

  it('that names the directory of a socket goes there and nowhere else', async () => {
    await expect(versionAt({ url: 'postgres://postgres@localhost/postgres?host=%2Fnonexistent%2Fsocketdir' }, 'app')).rejects.toThrow('/nonexistent/socketdir/.s.PGSQL.5432');
    expect(connectionOf('postgres:///hive?host=/var/run/postgresql')).toMatchObject({ host: '/var/run/postgresql', database: 'hive' });
  });

  it('names the file that cannot be read, and takes a timeout and channel binding', () => {
    expect(() => connectionOf('postgres://hive@db/hive?sslmode=verify-full&sslrootcert=/no/such.pem')).toThrow('sslrootcert=/no/such.pem cannot be read: ENOENT');
    expect(connectionOf('postgres://hive@db/hive?sslmode=verify-full&channel_binding=require&connect_timeout=7')).toMatchObject({ enableChannelBinding: true, connectionTimeoutMillis: 7_000 });
    expect(connectionOf('postgres://hive@db/hive?channel_binding=disable&connect_timeout=0')).toEqual({ host: 'db', port: undefined, user: 'hive', password: '', database: 'hive' });
  });

  it('says by which name and options to connect, and any name of a database', () => {
    expect(connectionOf('postgres://hive:p%40ss%25@[::1]:5433/a%2Fb%23c%3Fd?application_name=hive-1&options=-c%20jit%3Doff')).toEqual({
      host: '::1',
      port: 5433,
      user: 'hive',
      password: 'p@ss%',
      database: 'a/b#c?d',
      application_name: 'hive-1',
      options: '-c jit=off',
    });
  });
});
