import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, unpack, digestOf } from '../src/archive/archive-file.js';
import { DirectoryArchive } from '../src/archive/directory-archive.js';
import { S3Archive } from '../src/archive/s3-archive.js';
import { S3Server } from './s3-server.js';

const KEY = 'tenant/communication.message/0198.ndjson.gz';

describe('an archive store', () => {
  const s3 = new S3Server();
  const root = mkdtempSync(join(tmpdir(), 'hive-archives-'));
  let endpoint: string;
  beforeAll(async () => {
    endpoint = await s3.start();
  });
  afterAll(async () => {
    await s3.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const bucket = (keys = { accessKeyId: 'key', secretAccessKey: 'secret' }) => new S3Archive({ kind: 's3', bucket: 'archives', region: 'eu-central-1', prefix: 'hive/', endpoint, ...keys });
  const directory = () => new DirectoryArchive(mkdtempSync(join(root, 'of-a-test-')));

  it.each([
    ['a directory', directory],
    ['a bucket', bucket],
  ])('that is %s keeps a file, replaces it, and forgets it', async (_, make) => {
    const [store, rows] = [make(), ['{"id":1,"text":"ü\\n"}', '{"id":2}']];
    const file = await pack(rows);
    await store.put(KEY, file.bytes);
    const back = await store.get(KEY);
    expect([digestOf(back), await unpack(back)]).toEqual([file.digest, rows]);
    await store.put(KEY, Buffer.from('other'));
    expect((await store.get(KEY)).toString()).toBe('other');
    await store.delete(KEY);
    await expect(store.get(KEY)).rejects.toThrow();
    await store.delete(KEY);
  });

  it('puts objects below its prefix, and says why one is refused', async () => {
    await bucket().put(KEY, Buffer.from('x'));
    expect([...s3.objects.keys()]).toEqual([`/archives/hive/${KEY}`]);
    s3.refuses = 403;
    await expect(bucket().put(KEY, Buffer.from('y'))).rejects.toThrow('QuotaExceeded');
    s3.refuses = null;
    await expect(bucket({ accessKeyId: 'stranger', secretAccessKey: 'x' }).get(KEY)).rejects.toThrow('AccessDenied');
    expect((await bucket().get(KEY)).toString()).toBe('x');
  });

  it('of a directory is for its owner alone, and leaves no half of a file', async () => {
    const own = join(root, 'own');
    const store = new DirectoryArchive(own);
    await store.put('a/b.gz', Buffer.from('x'));
    expect(statSync(join(own, 'a/b.gz')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(own, 'a'))).toEqual(['b.gz']);
    // A directory stands where the file should go.
    await store.put('a/c/d.gz', Buffer.from('x'));
    await expect(store.put('a/c', Buffer.from('y'))).rejects.toThrow();
    expect(readdirSync(join(own, 'a')).sort()).toEqual(['b.gz', 'c']);
  });
});
