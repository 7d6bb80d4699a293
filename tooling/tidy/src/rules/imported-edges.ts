import { posix } from 'node:path';
import { refusal } from '../architecture.ts';
import { isSource, isTestingEntry, type Manifest, type Package, type Repository } from '../repository.ts';
import type { Rule } from '../rule.ts';
import { lineOf, moduleSpecifiers } from '../source.ts';

type Refused = { message: string; accepted: string };

/** Import specifiers, dynamic ones and those of types included, stay along the arrows and inside `exports`. */
export const importedEdges: Rule = {
  name: 'imported-edges',
  about: 'imports go along the arrows, through `exports`, and never by a path out of the package',
  *check(repository) {
    for (const file of repository.code) {
      const pkg = repository.packageOf(file);
      if (!pkg) continue;
      const source = repository.source(file);
      for (const { specifier, node } of moduleSpecifiers(source)) {
        const refused = /^(?:\.|\/|file:)/.test(specifier) ? escape(pkg, file, specifier) : foreign(repository, pkg, file, specifier);
        if (refused) yield { file, line: lineOf(source, node), ...refused };
      }
    }
  },
};

function escape(pkg: Package, file: string, specifier: string): Refused | null {
  const target = posix.join(posix.dirname(file), specifier);
  if (specifier.startsWith('.') && (target === pkg.dir || target.startsWith(`${pkg.dir}/`))) return null;
  return { message: `${specifier} leaves ${pkg.dir}`, accepted: 'a path inside the package, or the name of a declared dependency' };
}

function foreign(repository: Repository, pkg: Package, file: string, specifier: string): Refused | null {
  const [, name, path] = /^(@[^/]+\/[^/]+)(?:\/(.*))?$/.exec(specifier) ?? [];
  if (!name) return null;
  const target = repository.packageNamed(name);
  if (!target) {
    return name.startsWith('@agent-hive/') ? { message: `there is no package ${name}`, accepted: 'the name in some package.json of this repository' } : null;
  }
  const shipped = isSource(file) && !isTestingEntry(file);
  const refused = refusal(pkg, target, !shipped);
  if (refused) return { message: `${specifier}: ${refused.reason}`, accepted: refused.accepted };
  if (target !== pkg && !declares(pkg.manifest, name, shipped)) {
    return { message: `${name} is not declared`, accepted: `"${name}": "workspace:*" in ${shipped ? 'dependencies' : 'dependencies or devDependencies'} of ${pkg.dir}/package.json` };
  }
  if (exportsPath(target.manifest.exports, path)) return null;
  return { message: `${specifier} is no entry point of ${name}`, accepted: `its exports: ${entryPoints(target.manifest.exports).join(', ')}` };
}

function declares({ dependencies, peerDependencies, devDependencies }: Manifest, name: string, shipped: boolean): boolean {
  return name in { ...dependencies, ...peerDependencies, ...(shipped ? {} : devDependencies) };
}

const entryPoints = (exported: Manifest['exports']): string[] => (typeof exported === 'object' ? Object.keys(exported) : ['.']);

function exportsPath(exported: Manifest['exports'], path: string | undefined): boolean {
  if (exported === undefined) return true;
  const wanted = path === undefined ? '.' : `./${path}`;
  return entryPoints(exported).some((entry) => {
    const [before = '', after] = entry.split('*');
    return after === undefined ? entry === wanted : wanted.startsWith(before) && wanted.endsWith(after);
  });
}
