/** One requirement. */
export interface Row {
  id: string;
  domain: string;
  kind: string;
  item: string;
}

/** Rows of the acceptance matrix by id, in its order. Throws on a row that is there twice or lacks a column. */
export function parseMatrix(text: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (!/^\|\s*S\d+\.\d+\s*\|/.test(line)) continue;
    // A bar inside a cell is written with a backslash.
    const cells = line.trim().split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [id, domain, kind, item] = cells;
    if (cells.length !== 4 || !id || !domain || !kind || !item) throw new Error(`line ${i + 1} of the matrix has ${cells.length} columns: a row is | id | domain | kind | item |`);
    if (rows.has(id)) throw new Error(`line ${i + 1} of the matrix repeats ${id}`);
    rows.set(id, { id, domain, kind, item });
  }
  return rows;
}
