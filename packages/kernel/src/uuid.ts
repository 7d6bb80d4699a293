import { v7, validate, version } from 'uuid';
import { Invalid } from './errors.js';

/** A new UUIDv7 (RFC 9562): ids sort by the millisecond they were minted in, and within one process strictly. */
export const newId = (): string => v7();

/** Whether the text is a UUID in its canonical form. */
export const isUuid = (text: unknown): text is string => typeof text === 'string' && validate(text);

/** The text itself, lower case, when it is a UUID; throws Invalid otherwise. Everything that becomes part of SQL text passes here. */
export function requireUuid(text: string, field: string): string {
  if (!isUuid(text)) throw new Invalid(`${field} must be a UUID`, [{ pointer: `/${field}`, message: 'must be a UUID' }]);
  return text.toLowerCase();
}

const ID_TIME_MAX = 2 ** 48 - 1;

/** The smallest UUIDv7 of an instant: bounds of monthly partitions and of time filters over ids. Instants that no id can have become the first or last that one can. */
export function idFloor(at: Date): string {
  const hex = Math.min(Math.max(at.getTime(), 0), ID_TIME_MAX).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The instant, to the millisecond, at which a UUIDv7 was minted; null for an id of another version. */
export function idTime(id: string): Date | null {
  if (!validate(id) || version(id) !== 7) return null;
  return new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}
