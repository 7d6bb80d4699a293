const TOKEN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|[\p{L}\p{N}_]+|\S/gu;

/** Letters of a word that a token of the usual vocabularies holds, about: six, whatever the language. */
const LETTERS_PER_TOKEN = 6;

/** Characters of a text whose tokens are counted at one go. */
const STRETCH_CHARS = 50_000;

/**
 * About how many tokens of a language model a text has: a word counts one for each six letters, ideographs and signs one each.
 * It is an estimate that needs no vocabulary: the sizes of chunks need no more. Past `most` it stops counting.
 */
export function countTokens(text: string, most = Infinity): number {
  let count = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    count += Math.ceil(token.length / LETTERS_PER_TOKEN);
    if (count > most) break;
  }
  return count;
}

/** The tokens of a text that may be large, stretch by stretch; no token goes over white space, where a stretch ends. */
export function* countTokensInSteps(text: string): Generator<void, number> {
  const space = /\s/g;
  let count = 0;
  for (let start = 0; start < text.length; ) {
    space.lastIndex = start + STRETCH_CHARS;
    const end = space.exec(text)?.index ?? text.length;
    count += countTokens(text.slice(start, end));
    start = end;
    yield;
  }
  return count;
}
