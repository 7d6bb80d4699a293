import type { Package } from './repository.ts';

/**
 * The arrows of docs/ARCHITECTURE.md, each package with what stands directly before it. A package may import those and
 * whatever stands before them.
 *
 *   kernel <- audit <- identity <- agents <- trust <- tasks
 *                                                  <- communication
 *                                         <- knowledge
 */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  audit: ['kernel'],
  identity: ['audit'],
  agents: ['identity'],
  trust: ['agents'],
  tasks: ['trust'],
  communication: ['trust'],
  knowledge: ['agents'],
  client: [],
};

const upstreamOf = (name: string): string[] => (BEFORE[name] ?? []).flatMap((before) => [before, ...upstreamOf(before)]);

/** Why `from` may not use `to`, and what it may use; null when it may. `dev` is a development dependency or a test. */
export function refusal(from: Package, to: Package, dev: boolean): { reason: string; accepted: string } | null {
  if (from === to) return null;
  if (to.kind === 'apps') {
    if (from.dir === 'apps/cli' && to.dir === 'apps/api') return null;
    return { reason: `${from.dir} may not use ${to.dir}`, accepted: 'nothing imports an app, but apps/cli may import apps/api' };
  }
  if (from.kind !== 'packages') return null;
  if (to.kind === 'tooling') {
    return dev ? null : { reason: `${from.dir} may not ship ${to.dir}`, accepted: 'tooling is a devDependency, used by tests and scripts' };
  }
  if (!(from.short in BEFORE)) return { reason: `${from.dir} has no place in the arrows`, accepted: 'a line in tooling/tidy/src/architecture.ts, by an ADR' };
  const allowed = upstreamOf(from.short);
  if (allowed.includes(to.short)) return null;
  return { reason: `${from.dir} may not use ${to.dir}`, accepted: `upstream of ${from.short}: ${allowed.join(', ') || 'nothing'}` };
}

/** Most lines that files and functions may have, and when to think of a split. */
export const LIMITS = {
  fileLines: 300,
  fileWarnLines: 250,
  testLines: 400,
  entityLines: 120,
  controllerLines: 120,
  indexLines: 40,
  functionLines: 70,
  kernelSourceLines: 2_400,
  packageReadmeLines: 120,
  rootReadmeLines: 160,
} as const;

/** What stands between the noun and `.ts` in a package's src. */
export const SUFFIXES = [
  'entity', 'dto', 'service', 'controller', 'module', 'sql', 'test', 'hook', 'hooks', 'provider', 'subscriber',
  'guard', 'pipe', 'filter', 'interceptor', 'generated',
] as const;

/** The kernel alone knows engines. */
export const KERNEL_SUFFIXES = [...SUFFIXES, 'engine'] as const;

/** A second copy of one of these breaks injection, skips validation or loses metadata, silently. */
export const SINGLE_COPIES = [
  '@nestjs/common', '@nestjs/core', 'class-validator', 'class-transformer', 'reflect-metadata', '@mikro-orm/core', 'kysely',
] as const;
