import { headings } from '../markdown.ts';
import type { Rule } from '../rule.ts';

const HEADINGS: readonly (readonly string[])[] = [['Status'], ['Context'], ['Options', 'Decision drivers'], ['Decision'], ['Consequences']];

/** Decisions are numbered 0001, 0002, ... and answer the same questions, so that none is lost and each can be judged later. */
export const decisionRecords: Rule = {
  name: 'decision-records',
  about: 'decision records are numbered without gaps and have Status, Context, Options (or Decision drivers), Decision, Consequences',
  *check(repository) {
    const files = repository.files.filter((file) => /^docs\/adr\/[^/]+\.md$/.test(file) && !file.endsWith('/README.md'));
    let next = 1;
    for (const file of files) {
      const [, number] = /\/(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md$/.exec(file) ?? [];
      if (number === undefined) {
        yield { file, line: 1, message: 'its name is no number with a title', accepted: `docs/adr/${String(next).padStart(4, '0')}-lower-case-title.md` };
        continue;
      }
      if (Number(number) !== next) yield { file, line: 1, message: `number ${number} where ${String(next).padStart(4, '0')} is due`, accepted: 'numbers without gaps, each once' };
      next = Number(number) + 1;
      const present = headings(repository.text(file)).map((heading) => heading.text);
      const missing = HEADINGS.filter((names) => !names.some((name) => present.includes(name)));
      if (missing.length > 0) yield { file, line: 1, message: `no heading ${missing.map((names) => names.join(' or ')).join(', ')}`, accepted: 'Status, Context, Options or Decision drivers, Decision, Consequences' };
    }
  },
};
