import type { Format } from '../document/document.entity.js';

/** A stretch of a text that belongs together: a heading, a paragraph, a fenced code block. Ends where the next begins, but for white space. */
export interface Block {
  start: number;
  end: number;
  /** Level of a heading, 1 to 6; 0 of all else. */
  level: number;
  /** Text of the heading. */
  title: string;
}

const HEADING = /^ {0,3}(#{1,6})[ \t]+(.+?)[ \t#]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** Cuts a text into blocks by its structure. Headings and fences are those of Markdown (CommonMark 0.31, sections 4.2 and 4.5). */
export function* blocksOf(text: string, format: Format): Generator<Block> {
  const reader = { open: null as Block | null, fence: '' };
  function* close(): Generator<Block> {
    if (reader.open) yield reader.open;
    reader.open = null;
  }
  for (const line of linesOf(text)) {
    const content = text.slice(line.start, line.end);
    if (format === 'markdown' && reader.fence !== '') {
      reader.open!.end = line.end;
      if (content.trim().startsWith(reader.fence) && content.trim().replaceAll(reader.fence[0]!, '') === '') {
        reader.fence = '';
        yield* close();
      }
      continue;
    }
    const heading = format === 'markdown' ? HEADING.exec(content) : null;
    const fence = format === 'markdown' ? FENCE.exec(content) : null;
    if (heading || fence || content.trim() === '') yield* close();
    if (heading) yield { ...line, level: heading[1]!.length, title: heading[2]! };
    else if (content.trim() !== '') reader.open = reader.open ? { ...reader.open, end: line.end } : { ...line, level: 0, title: '' };
    if (fence) reader.fence = fence[1]!;
  }
  yield* close();
}

function* linesOf(text: string): Generator<{ start: number; end: number }> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    yield { start, end };
    start = end + 1;
  }
}
