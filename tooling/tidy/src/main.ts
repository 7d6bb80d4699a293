import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Repository } from './repository.ts';
import { rules } from './rules/index.ts';

const USAGE = `tidy: the style guide as a test

  pnpm tidy                  all rules over the whole repository; exit code 1 on a breach
  pnpm tidy --rule NAME      only this rule; may be repeated
  pnpm tidy --list           names of the rules, and what each asks for`;

/** Runs the rules and prints what they find. Returns the exit code. */
function tidy(root: string, names: readonly string[]): number {
  const unknown = names.filter((name) => !rules.some((rule) => rule.name === name));
  if (unknown.length > 0) {
    console.error(`tidy: no rule ${unknown.join(', ')}; there are ${rules.map((rule) => rule.name).join(', ')}`);
    return 1;
  }
  const repository = new Repository(root);
  const chosen = rules.filter((rule) => names.length === 0 || names.includes(rule.name));
  const found = chosen.flatMap((rule) => [...rule.check(repository)].map((breach) => ({ ...breach, rule: rule.name })));
  found.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  for (const { file, line, rule, warning, message, accepted } of found) console.log(`${file}:${line} ${rule} ${warning ? 'warning: ' : ''}${message} (${accepted})`);
  const breaches = found.filter((breach) => !breach.warning).length;
  console.log(`tidy: ${repository.files.length} files, ${chosen.length} rules, ${breaches} breaches`);
  return breaches > 0 ? 1 : 0;
}

const { values } = parseArgs({
  options: { root: { type: 'string' }, rule: { type: 'string', multiple: true }, list: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) console.log(USAGE);
else if (values.list) for (const rule of rules) console.log(`${rule.name.padEnd(26)} ${rule.about}`);
else process.exitCode = tidy(resolve(values.root ?? `${import.meta.dirname}/../../..`), values.rule ?? []);
