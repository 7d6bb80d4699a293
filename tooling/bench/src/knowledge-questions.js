import { readFileSync } from 'node:fs';

/**
 * Questions to the documentation of this repository's dependencies, written by hand, each with the files that answer it and a
 * regular expression that their answer matches: {kind: natural | identifier | typo, question, answers, evidence}. The halves
 * take turns: search is tuned by the first, and whether that was honest is seen by the second.
 */
export const QUESTIONS = JSON.parse(readFileSync(new URL('../questions/dependencies.json', import.meta.url), 'utf8')).map((question, i) => ({ ...question, half: i % 2 === 0 ? 'tuned' : 'held out' }));

/** Places, from 1, of the first answer among what was found; null when none is. */
export function rankOf({ answers }, names) {
  const place = names.findIndex((name) => answers.includes(name));
  return place === -1 ? null : place + 1;
}

/** What ranks come to: the share of questions with an answer at the first place, among the first five, and the mean of 1 / rank. */
export function scoresOf(ranks) {
  if (ranks.length === 0) throw new Error('no questions, no scores');
  const share = (fits) => ranks.filter((rank) => rank !== null && fits(rank)).length / ranks.length;
  return { hit1: share((rank) => rank === 1), hit5: share((rank) => rank <= 5), mrr: ranks.reduce((sum, rank) => sum + (rank === null ? 0 : 1 / rank), 0) / ranks.length };
}
