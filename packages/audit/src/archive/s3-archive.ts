import type { S3Client } from '@aws-sdk/client-s3';
import type { ArchiveSettings, ArchiveStore } from './archive-store.js';

/** The SDK, and a client of the bucket. */
interface Aws {
  sdk: typeof import('@aws-sdk/client-s3');
  client: S3Client;
}

/** Archives as objects of a bucket, of Amazon S3 or of what speaks like it. */
export class S3Archive implements ArchiveStore {
  #aws: Promise<Aws> | undefined;
  constructor(private readonly settings: Extract<ArchiveSettings, { kind: 's3' }>) {}

  async put(key: string, bytes: Buffer): Promise<void> {
    const { sdk, client } = await this.aws();
    await client.send(new sdk.PutObjectCommand({ ...this.object(key), Body: bytes, ContentType: 'application/gzip' }));
  }

  async get(key: string): Promise<Buffer> {
    const { sdk, client } = await this.aws();
    const { Body } = await client.send(new sdk.GetObjectCommand(this.object(key)));
    if (!Body) throw new Error(`The object ${key} came without a body`);
    return Buffer.from(await Body.transformToByteArray());
  }

  async delete(key: string): Promise<void> {
    const { sdk, client } = await this.aws();
    await client.send(new sdk.DeleteObjectCommand(this.object(key)));
  }

  /** Loaded when it is first needed: that takes longer than the rest of the server. */
  private aws(): Promise<Aws> {
    return (this.#aws ??= import('@aws-sdk/client-s3').then((sdk) => ({ sdk, client: this.clientOf(sdk) })));
  }

  private clientOf(sdk: Aws['sdk']): S3Client {
    const { region, endpoint, accessKeyId, secretAccessKey } = this.settings;
    return new sdk.S3Client({
      region,
      // A server of one's own has no host name for each bucket.
      ...(endpoint && { endpoint, forcePathStyle: true }),
      ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
    });
  }

  private object = (key: string) => ({ Bucket: this.settings.bucket, Key: `${this.settings.prefix}${key}` });
}
