import { at, type Judged } from './evidence.ts';
import { referencesTo } from './rows.ts';

/** How many rows of a domain stand where. */
export interface Count {
  domain: string;
  total: number;
  proven: number;
  waived: number;
  open: number;
}

/** Counts per domain in the order of their names, and over all of them. */
export function countByDomain(rows: Iterable<Judged>): { domains: Count[]; all: Count } {
  const counts = new Map<string, Count>();
  const all: Count = { domain: 'all', total: 0, proven: 0, waived: 0, open: 0 };
  for (const { domain, status } of rows) {
    const count = counts.get(domain) ?? { domain, total: 0, proven: 0, waived: 0, open: 0 };
    counts.set(domain, count);
    for (const one of [count, all]) {
      one.total += 1;
      one[status] += 1;
    }
  }
  return { domains: [...counts.values()].sort((a, b) => (a.domain < b.domain ? -1 : 1)), all };
}

const COLUMNS = ['total', 'proven', 'waived', 'open'] as const;

/** Lines of the table. */
export function table({ domains, all }: { domains: Count[]; all: Count }): string[] {
  const line = (name: string, cells: readonly (string | number)[]): string => `${name.padEnd(14)}${cells.map((cell) => String(cell).padStart(8)).join('')}`;
  return [line('domain', COLUMNS), ...[...domains, all].map((count) => line(count.domain, COLUMNS.map((column) => count[column])))];
}

/** The open rows of each domain, as references: those that nothing has closed yet. */
export function openRows(rows: Iterable<Judged>): string[] {
  const open = new Map<string, string[]>();
  for (const { id, domain, status } of rows) if (status === 'open') open.set(domain, [...(open.get(domain) ?? []), id]);
  const domains = [...open].sort(([a], [b]) => (a < b ? -1 : 1));
  return domains.length === 0 ? [] : ['', 'not closed yet', ...domains.map(([domain, ids]) => `${domain.padEnd(14)}${referencesTo(ids).join(', ')}`)];
}

/** One line of a list of rows. */
export function listed(row: Judged): string {
  const [place] = row.status === 'proven' ? row.provenBy : row.waivedBy;
  return `${row.id.padEnd(8)}${row.status.padEnd(8)}${row.domain.padEnd(14)}${row.kind.padEnd(12)}${row.item}${place ? `  <- ${at(place)}` : ''}`;
}

/** Everything about one row. */
export function described(row: Judged): string[] {
  return [
    `${row.id} (${row.domain}, ${row.kind}): ${row.item}`,
    `status: ${row.status}`,
    ...row.provenBy.map((place) => `proven by ${at(place)} ${place.text}`),
    ...row.waivedBy.map((place) => `waived by ${at(place)} ${place.text}`),
  ];
}
