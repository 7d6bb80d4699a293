import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ArchiveSettings, ArchiveStore } from './archive-store.js';

/** Archives as objects of a bucket, of Amazon S3 or of what speaks like it. */
export class S3Archive implements ArchiveStore {
  readonly #client: S3Client;
  constructor(private readonly settings: Extract<ArchiveSettings, { kind: 's3' }>) {
    const { region, endpoint, accessKeyId, secretAccessKey } = settings;
    this.#client = new S3Client({
      region,
      // A server of one's own has no host name for each bucket.
      ...(endpoint && { endpoint, forcePathStyle: true }),
      ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
    });
  }

  async put(key: string, bytes: Buffer): Promise<void> {
    await this.#client.send(new PutObjectCommand({ ...this.object(key), Body: bytes, ContentType: 'application/gzip' }));
  }

  async get(key: string): Promise<Buffer> {
    const { Body } = await this.#client.send(new GetObjectCommand(this.object(key)));
    if (!Body) throw new Error(`The object ${key} came without a body`);
    return Buffer.from(await Body.transformToByteArray());
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.object(key)));
  }

  private object = (key: string) => ({ Bucket: this.settings.bucket, Key: `${this.settings.prefix}${key}` });
}
