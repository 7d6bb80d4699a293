/** Text that should name rows and does not. The message says what would. */
export class BadReference extends Error {
  override readonly name = 'BadReference';
}

const ONE = /^(S\d+)\.(\d+)$/;
const RANGE = /^(S\d+)\.(\d+)-(S\d+)\.(\d+)$/;

/** Rows of a list such as `S1.60, S3.40-S3.47`, in its order. Throws BadReference. */
export function rowsOf(list: string): string[] {
  return list.split(',').flatMap((part) => rowsOfPart(part.trim()));
}

function rowsOfPart(part: string): string[] {
  if (ONE.test(part)) return [part];
  const [, source, from, otherSource, to] = RANGE.exec(part) ?? [];
  if (source === undefined) throw new BadReference(`"${part}" names no row: rows are written S4.17, ranges S3.40-S3.47, several with commas between`);
  if (source !== otherSource || Number(from) >= Number(to)) throw new BadReference(`"${part}" is no range: both ends are rows of one source, the smaller first`);
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${source}.${Number(from) + i}`);
}

/** The opposite: references to rows, three and more in a row as a range. */
export function referencesTo(ids: readonly string[]): string[] {
  const references: string[] = [];
  for (let from = 0, to = 0; from < ids.length; from = ++to) {
    while (to + 1 < ids.length && ids[to + 1] === after(ids[to]!)) to += 1;
    if (to - from >= 2) references.push(`${ids[from]}-${ids[to]}`);
    else references.push(...ids.slice(from, to + 1));
  }
  return references;
}

function after(id: string): string {
  const [, source, number] = ONE.exec(id)!;
  return `${source}.${Number(number) + 1}`;
}

/** Rows that a title names in brackets: `refuses a second claim [S1.60, S3.40-S3.47]`. Throws BadReference. */
export function rowsInTitle(title: string): string[] {
  return [...title.matchAll(/\[\s*(S\d[^\]]*)\]/g)].flatMap(([, list]) => rowsOf(list!));
}
