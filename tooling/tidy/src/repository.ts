import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** What package.json of a workspace package says, as far as rules ask. */
export interface Manifest {
  name?: string;
  exports?: string | Record<string, unknown>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** A workspace package. `dir` is relative to the root, such as `packages/kernel`; `short` is its last part. */
export interface Package {
  dir: string;
  kind: 'packages' | 'apps' | 'tooling';
  short: string;
  manifest: Manifest;
}

const UNTRACKED = new Set(['node_modules', 'dist', 'coverage', '.git', '.turbo', '.hive']);
const CODE = /\.(?:[cm]?[jt]s|tsx)$/;

/** The files under test, read and parsed at most once. Paths are relative to the root, with `/`. */
export class Repository {
  readonly root: string;
  readonly files: readonly string[];
  readonly packages: readonly Package[];
  readonly #texts = new Map<string, string>();
  readonly #sources = new Map<string, ts.SourceFile>();

  constructor(root: string) {
    this.root = root;
    this.files = listFiles(root);
    this.packages = this.files.flatMap((file) => this.#packageAt(file));
  }

  /** Whether a file or directory is there, tracked or not. */
  exists(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  text(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) this.#texts.set(file, (text = readFileSync(join(this.root, file), 'utf8')));
    return text;
  }

  lines(file: string): string[] {
    const lines = this.text(file).split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return lines;
  }

  source(file: string): ts.SourceFile {
    let source = this.#sources.get(file);
    if (!source) this.#sources.set(file, (source = ts.createSourceFile(file, this.text(file), ts.ScriptTarget.Latest, true)));
    return source;
  }

  /** Files of TypeScript and JavaScript, written by people or by tools. */
  get code(): readonly string[] {
    return this.files.filter((file) => CODE.test(file) && !file.endsWith('.d.ts'));
  }

  packageOf(file: string): Package | undefined {
    return this.packages.find((pkg) => file.startsWith(`${pkg.dir}/`));
  }

  packageNamed(name: string): Package | undefined {
    return this.packages.find((pkg) => pkg.manifest.name === name);
  }

  #packageAt(file: string): Package[] {
    const [, kind, short] = /^(packages|apps|tooling)\/([^/]+)\/package\.json$/.exec(file) ?? [];
    if (!kind || !short) return [];
    return [{ dir: `${kind}/${short}`, kind: kind as Package['kind'], short, manifest: JSON.parse(this.text(file)) as Manifest }];
  }
}

/** Test files and the builders beside them. */
export const isTest = (file: string): boolean => /^(?:[^/]+\/){2}test\//.test(file) || /\.test\.[cm]?[jt]s$/.test(file);

/** The entry point that a package offers to tests of others. */
export const isTestingEntry = (file: string): boolean => /^packages\/[^/]+\/src\/testing\//.test(file);

export const isMigration = (file: string): boolean => /\/migrations\//.test(file);

/** Written by a tool: its size and its comments are the tool's. */
export const isGenerated = (file: string): boolean => isMigration(file) || /\.generated\.[jt]s$/.test(file);

/** Source of a domain package, of the kernel, or of an app. */
export const isSource = (file: string): boolean => /^(?:packages|apps)\/[^/]+\/src\//.test(file) && !isTest(file);

function listFiles(root: string): string[] {
  const found = gitFiles(root) ?? walk(root, '');
  return found.filter((file) => !file.split('/').some((part) => UNTRACKED.has(part)) && existsSync(join(root, file))).sort();
}

/** What git tracks or would add; null where there is no git, as in an image build. */
function gitFiles(root: string): string[] | null {
  if (!existsSync(join(root, '.git'))) return null;
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
    return [...new Set(listed.split('\0').filter((file) => file !== ''))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function walk(root: string, under: string): string[] {
  return readdirSync(join(root, under), { withFileTypes: true }).flatMap((entry) => {
    const path = under === '' ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) return UNTRACKED.has(entry.name) ? [] : walk(root, path);
    return entry.isFile() ? [path] : [];
  });
}
