import type { Format } from '../document/document.entity.js';
import { blocksOf, type Block } from './blocks.js';
import { countTokens } from './tokens.js';
import { inTurns } from './turns.js';

/*
 * text    # A    one    ```code```    # B    two
 * blocks  [A]    [one]  [code]        [B]    [two]
 * chunks  [A ........ code]           [B ...... two]
 *
 * A chunk is a slice of the text: its offsets lead to its place. Blocks are packed until the next would make it too large; a
 * heading begins a new one. A block that is too large itself is cut at lines, then sentences, then words, and each part but the
 * first repeats the end of the one before, so that what stands at a cut is found by either.
 */

/** Tokens that a chunk has at most, what it repeats of the one before included. */
export const CHUNK_MAX_TOKENS = 400;

/** Tokens that a part of a cut text repeats of the one before, at most. */
const OVERLAP_TOKENS = 50;

/** A section of fewer tokens goes on with the next heading: a title alone answers nothing. */
const SECTION_MIN_TOKENS = 40;

/** Longest heading path of a chunk, in characters. */
const HEADING_MAX = 500;

/** A piece of a text. */
export interface Piece {
  position: number;
  /** The title, and the headings that it stands under. */
  heading: string;
  content: string;
  startOffset: number;
  endOffset: number;
  tokenCount: number;
}

interface Part {
  start: number;
  end: number;
  tokens: number;
  path: readonly string[];
  isHeading: boolean;
  /** Whether it goes on with what the part before it began. */
  isRest: boolean;
}

/** What a chunk says of the item that it is of. */
interface Item {
  title: string;
  format: Format;
}

/** Cuts a text into chunks of at most CHUNK_MAX_TOKENS tokens. Together they cover all of it but white space. */
export const chunksOf = (text: string, item: Item): Piece[] => [...cutIntoChunks(text, item)];

/** The same of a text that may be large, while others have their turns. */
export const chunksInTurns = (text: string, item: Item): Promise<Piece[]> => inTurns(collected(cutIntoChunks(text, item)));

function* collected(pieces: Iterable<Piece>): Generator<void, Piece[]> {
  const all: Piece[] = [];
  for (const piece of pieces) {
    all.push(piece);
    yield;
  }
  return all;
}

function* cutIntoChunks(text: string, { title, format }: Item): Generator<Piece> {
  let run: Part[] = [];
  let position = 0;
  const pieceOf = ([first, ...others]: Part[]): Piece => {
    const start = first!.isRest ? overlapStart(text, first!.start) : first!.start;
    const endOffset = (others.at(-1) ?? first!).end;
    const content = text.slice(start, endOffset);
    const heading = [title, ...first!.path].join(' > ').slice(0, HEADING_MAX).toWellFormed();
    return { position: position++, heading, content, startOffset: start, endOffset, tokenCount: countTokens(content) };
  };
  let tokens = 0;
  for (const part of partsOf(text, blocksOf(text, format))) {
    const room = CHUNK_MAX_TOKENS - (run[0]?.isRest ? OVERLAP_TOKENS : 0);
    if (run.length > 0 && (tokens + part.tokens > room || (part.isHeading && tokens >= SECTION_MIN_TOKENS))) {
      yield pieceOf(run);
      run = [];
      tokens = 0;
    }
    run.push(part);
    tokens += part.tokens;
  }
  if (run.length > 0) yield pieceOf(run);
}

/** The blocks, each with the headings above it, and none too large. */
function* partsOf(text: string, blocks: Iterable<Block>): Generator<Part> {
  const path: { level: number; title: string }[] = [];
  for (const block of blocks) {
    if (block.level > 0) {
      while (path.length > 0 && path.at(-1)!.level >= block.level) path.pop();
      path.push({ level: block.level, title: block.title });
    }
    const titles = path.map((heading) => heading.title);
    let isRest = false;
    for (const { start, end, tokens } of cut(text, block.start, block.end)) {
      yield { start, end, tokens, path: titles, isHeading: block.level > 0 && !isRest, isRest };
      isRest = true;
    }
  }
}

const CUTS = [/\n/g, /[.!?。！？]\s+|[;,]\s+/g, /\s+/g];

/** Cuts a stretch into parts that leave room for an overlap, at the largest boundaries that do. */
function* cut(text: string, start: number, end: number, depth = 0): Generator<{ start: number; end: number; tokens: number }> {
  const room = CHUNK_MAX_TOKENS - OVERLAP_TOKENS;
  const most = depth === 0 ? CHUNK_MAX_TOKENS : room;
  const tokens = countTokens(text.slice(start, end), most);
  if (tokens <= most) {
    yield { start, end, tokens };
    return;
  }
  const boundary = CUTS[depth];
  if (!boundary) {
    yield* cutHard(text, start, end, room);
    return;
  }
  let from = start;
  let packed = 0;
  let at = start;
  for (const to of boundariesOf(text, start, end, boundary)) {
    const size = countTokens(text.slice(at, to), room);
    if (packed + size > room) {
      if (at > from) yield { start: from, end: at, tokens: packed };
      from = at;
      packed = 0;
      if (size > room) {
        yield* cut(text, at, to, depth + 1);
        from = to;
      }
    }
    if (from < to) packed += size;
    at = to;
  }
  if (from < end) yield { start: from, end, tokens: packed };
}

/** Where a stretch may be cut, one after another, and its end. */
function* boundariesOf(text: string, start: number, end: number, boundary: RegExp): Generator<number> {
  for (const match of text.slice(start, end).matchAll(boundary)) yield start + match.index + match[0].length;
  yield end;
}

/** A text without a space: parts of so many characters, which are as many tokens at most, and never half of a character. */
function* cutHard(text: string, start: number, end: number, size: number): Generator<{ start: number; end: number; tokens: number }> {
  for (let from = start; from < end; ) {
    let to = Math.min(from + size, end);
    if (to < end && /[\ud800-\udbff]/.test(text[to - 1]!)) to -= 1;
    yield { start: from, end: to, tokens: countTokens(text.slice(from, to)) };
    from = to;
  }
}

/** Where a part begins that repeats the end of the one before: at a sentence or a word among the last tokens of that. */
function overlapStart(text: string, start: number): number {
  const before = text.slice(Math.max(0, start - OVERLAP_TOKENS * 4), start);
  for (const boundary of [/[.!?\n]\s*(?=\S)/g, /\s+(?=\S)/g]) {
    for (const match of before.matchAll(boundary)) {
      const from = start - before.length + match.index + match[0].length;
      if (from < start && countTokens(text.slice(from, start)) <= OVERLAP_TOKENS) return from;
    }
  }
  return start;
}
