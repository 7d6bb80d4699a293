import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** What a package has for people to read. */
const DOCUMENTATION = /(\.(md|mdx|markdown|txt|rst|html)|^(licen[sc]e|notice|authors|readme|changelog|history|changes|contributing|security)(-\w+)?)$/i;

/**
 * Copies the documentation of this repository's dependencies into a directory, as `package/path`: of each package in
 * pnpm-lock.yaml that is installed its highest version, whatever the machine, so packages for one system or processor are
 * left out. Returns the paths, in order.
 */
export function gatherCollection(directory) {
  rmSync(directory, { recursive: true, force: true });
  const paths = [];
  for (const [name, { folder }] of [...installed()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const file of filesOf(folder)) {
      const path = `${name}/${relative(folder, file).split(sep).join('/')}`;
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      cpSync(file, join(directory, path));
      paths.push(path);
    }
  }
  return paths.sort();
}

/** The folder of each locked package, by name. */
function installed() {
  const locked = new Set([...readFileSync(join(ROOT, 'pnpm-lock.yaml'), 'utf8').matchAll(/^ {2}'?((?:@[^/@\s]+\/)?[^@\s':]+@[^@\s':(]+)'?:$/gm)].map(([, key]) => key));
  const found = new Map();
  const store = join(ROOT, 'node_modules/.pnpm');
  for (const entry of readdirSync(store).filter((name) => name.includes('@'))) {
    for (const folder of packagesIn(join(store, entry, 'node_modules'))) {
      const { name, version, os, cpu } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (os || cpu || !locked.has(`${name}@${version}`)) continue;
      const known = found.get(name);
      if (!known || isHigher(version, known.version)) found.set(name, { folder, version });
    }
  }
  return found;
}

/** Folders of packages that stand here themselves; links to those of other entries are passed over. */
function packagesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, encoding: 'utf8' }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  return entries.flatMap(({ name }) => (name.startsWith('@') ? packagesIn(join(folder, name)) : [join(folder, name)]));
}

const isHigher = (a, b) => a.localeCompare(b, 'en', { numeric: true }) > 0;

/** Files that are documentation, hidden folders and packages within the package left out: those stand for themselves. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.isFile() && DOCUMENTATION.test(entry.name) ? [path] : [];
  });
}
