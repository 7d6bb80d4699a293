/** Where archives are kept. Keys are paths with `/`. */
export interface ArchiveStore {
  /** Stores the file whole; an older one of the key is replaced. Durable once it resolves. */
  put(key: string, bytes: Buffer): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Removes the file; one that is gone already is no error. */
  delete(key: string): Promise<void>;
}

/** What an archive store is made of. */
export type ArchiveSettings =
  | { kind: 'directory'; path: string }
  | { kind: 's3'; bucket: string; region: string; prefix: string; endpoint?: string; accessKeyId?: string; secretAccessKey?: string };
