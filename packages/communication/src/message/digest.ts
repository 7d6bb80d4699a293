import { createHash } from 'node:crypto';

/** SHA-256 of a text as UTF-8, in hexadecimal: what `sha256sum` says of a file with exactly these bytes. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** JSON with the keys of each object in the order of their UTF-16 code units and without white space (RFC 8785, for what JSON.parse can read). */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}
