import type { Rule } from '../rule.ts';

/** Built so that no line of this file is one of its own breaches. */
const PATH = /(?<![\w.@~}-])\/(?:work|home|Users)\//;
const REGISTRY = /registry\.npmjs\.org|registry\.yarnpkg\.com|(?:deb|security|ftp|archive)\.debian\.org/;

const TOO_BIG = 4_000_000;

/** The repository runs wherever it is cloned, and installs from the registry that its user has set. */
export const machinePaths: Rule = {
  name: 'machine-paths',
  about: 'no path of somebody\'s machine and no registry host in a tracked file',
  *check(repository) {
    for (const file of repository.files) {
      const text = repository.text(file);
      if (text.length > TOO_BIG || text.includes('\0') || !(PATH.test(text) || REGISTRY.test(text))) continue;
      for (const [i, line] of repository.lines(file).entries()) {
        const [path] = PATH.exec(line) ?? [];
        const [host] = REGISTRY.exec(line) ?? [];
        if (path) yield { file, line: i + 1, message: `${path} is a place on one machine`, accepted: 'a path relative to the repository, or a setting' };
        if (host) yield { file, line: i + 1, message: `${host} is a registry host`, accepted: "the package manager's own setting" };
      }
    }
  },
};
