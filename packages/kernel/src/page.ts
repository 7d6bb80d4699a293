import { Invalid } from './errors.js';
import { requireStorable } from './http/storable-check.js';
import { isUuid } from './uuid.js';

/** One page of a list. `nextCursor` is null on the last one; `total` is there only when it was asked for, since counting costs. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
  total?: number;
}

/** What a caller asks of a list: `limit` 1 to 100, and the cursor of the page before. */
export interface PageRequest {
  limit: number;
  cursor?: string;
  total?: boolean;
}

/** The key of the last row of a page, as an opaque text. */
export const encodeCursor = (key: readonly (string | number)[]): string => Buffer.from(JSON.stringify(key)).toString('base64url');

/** The key inside a cursor; null when there is no cursor. Throws Invalid on a text that encodeCursor did not make. */
export function decodeCursor(cursor: string | undefined, length: number): (string | number)[] | null {
  if (cursor === undefined) return null;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    requireStorable(key);
    if (Array.isArray(key) && key.length === length && key.every((k) => typeof k === 'string' || typeof k === 'number')) return key;
  } catch {
    // falls through: a text that is no JSON, or that the database could not compare with, is as wrong as one of another shape
  }
  throw foreignCursor();
}

/** The id inside a cursor of a list that is ordered by it; undefined when there is no cursor. Throws Invalid on anything else. */
export function decodeIdCursor(cursor: string | undefined): string | undefined {
  const id = decodeCursor(cursor, 1)?.[0];
  if (id !== undefined && !isUuid(id)) throw foreignCursor();
  return id;
}

/** What a list says of a cursor that it did not give out. */
export const foreignCursor = (): Invalid => new Invalid('cursor is not one that this list gave out', [{ pointer: '/cursor', message: 'must be the nextCursor of an earlier page' }]);

/** Cuts rows read with `limit + 1` to a page; the extra row only tells that there is a next one. */
export function pageOf<Row, Item>(rows: readonly Row[], limit: number, keyOf: (row: Row) => (string | number)[], toItem: (row: Row) => Item): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
