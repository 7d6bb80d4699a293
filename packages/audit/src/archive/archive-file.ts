import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

/** An archive file: rows as JSON, one a line, compressed by gzip, with the sha256 of the compressed bytes. */
export interface ArchiveFile {
  bytes: Buffer;
  /** Hexadecimal. */
  digest: string;
}

/** Packs rows, each a JSON text. */
export async function pack(rows: readonly string[]): Promise<ArchiveFile> {
  const bytes = await promisify(gzip)(rows.map((row) => `${row}\n`).join(''));
  return { bytes, digest: digestOf(bytes) };
}

/** The rows of a file, each a JSON text. */
export async function unpack(bytes: Buffer): Promise<string[]> {
  return (await promisify(gunzip)(bytes)).toString('utf8').split('\n').slice(0, -1);
}

/** sha256 in hexadecimal. */
export const digestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
