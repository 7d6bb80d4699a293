import type { Embedder, EmbeddingRequest } from './embedder.js';
import { unitVector } from './vector.js';

/** Lengths of the pieces of words that count beside the whole. */
const GRAMS = [3, 4, 5] as const;

/** What all pieces of a word count together, where the whole counts 1. */
const PIECES_WEIGHT = 0.8;

const PAIR_WEIGHT = 0.5;

/** Short words are the frequent ones: one of so many letters counts in full. */
const FULL_WEIGHT_LETTERS = 6;

const WORD = /[\p{L}\p{N}]+/gu;

/**
 * The embedder that needs nothing: words, pairs of neighbours and pieces of words, hashed into the dimensions with a sign
 * (Weinberger et al. 2009, feature hashing). It is lexical: texts are near that share words or parts of words; it knows nothing of
 * what they mean. The same text always gets the same vector.
 */
export class LexicalEmbedder implements Embedder {
  async embed(texts: readonly string[], { dimensions }: EmbeddingRequest): Promise<number[][]> {
    return texts.map((text) => lexicalVector(text, dimensions));
  }
}

/** The vector of one text. A text without words gets a direction of its own. */
export function lexicalVector(text: string, dimensions: number): number[] {
  const values: number[] = new Array<number>(dimensions).fill(0);
  for (const [feature, weight] of featuresOf(text)) {
    const hash = fnv1a(feature);
    values[(hash >>> 1) % dimensions]! += (hash & 1) === 0 ? weight : -weight;
  }
  if (!values.some((value) => value !== 0)) values[fnv1a(text) % dimensions] = 1;
  return unitVector(values, dimensions);
}

function featuresOf(text: string): Map<string, number> {
  const counts = new Map<string, { weight: number; count: number }>();
  const add = (feature: string, weight: number): void => {
    const known = counts.get(feature);
    if (known) known.count += 1;
    else counts.set(feature, { weight, count: 1 });
  };
  // Humps of identifiers are words too: getUserName has name in it.
  const words = [...text.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '').matchAll(WORD)].map(([word]) => word);
  for (const [i, word] of words.entries()) {
    const weight = Math.min(1, word.length / FULL_WEIGHT_LETTERS);
    add(`w ${word}`, weight);
    if (i > 0) add(`p ${words[i - 1]} ${word}`, weight * PAIR_WEIGHT);
    const grams = GRAMS.flatMap((size) => gramsOf(` ${word} `, size));
    for (const gram of grams) add(`g ${gram}`, (weight * PIECES_WEIGHT) / Math.sqrt(grams.length));
  }
  return new Map([...counts].map(([feature, { weight, count }]) => [feature, weight * (1 + Math.log(count))]));
}

const gramsOf = (word: string, size: number): string[] => Array.from({ length: Math.max(0, word.length - size + 1) }, (_, i) => word.slice(i, i + size));

/** FNV-1a over UTF-16 code units, 32 bits, its last bits mixed once more (the finalizer of MurmurHash3). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
