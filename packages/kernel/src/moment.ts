/** A moment of a row, whichever way a driver gives it, as the API writes it: ISO 8601 in UTC. */
export function iso(moment: Date | string): string;
export function iso(moment: Date | string | null): string | null;
export function iso(moment: Date | string | null): string | null {
  if (moment === null) return null;
  return (moment instanceof Date ? moment : new Date(moment)).toISOString();
}
