import { createHash } from 'node:crypto';

/** SHA-256 of a text as UTF-8, in hexadecimal: what `sha256sum` says of a file with exactly these bytes. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
