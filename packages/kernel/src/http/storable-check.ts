import type { FastifyInstance } from 'fastify';
import { Invalid } from '../errors.js';

/** Deeper JSON than this is nobody's data: PostgreSQL and every recursive reader would run out of stack far below the body limit. */
const DEPTH_MAX = 64;

/**
 * Refuses, before any handler, what the database cannot keep as it is: NUL characters and halves of surrogate pairs in
 * texts, numbers that JSON cannot say (JSON.parse reads 1e400), and JSON nested too deep. Throws Invalid with a pointer.
 */
export function requireStorable(value: unknown): void {
  // A stack of our own: the depth that is to be refused must not overflow that of the language.
  const pending: { value: unknown; pointer: string; depth: number }[] = [{ value, pointer: '', depth: 0 }];
  for (let at = pending.pop(); at; at = pending.pop()) {
    const { value: here, pointer, depth } = at;
    if (typeof here === 'string') requireText(here, pointer);
    if (typeof here === 'number' && !Number.isFinite(here)) refuse('Numbers must be within the range of a double', pointer);
    if (typeof here !== 'object' || here === null) continue;
    if (depth >= DEPTH_MAX) refuse(`JSON must not be nested deeper than ${DEPTH_MAX} levels`, pointer.slice(0, 200));
    for (const [key, inner] of Object.entries(here)) {
      requireText(key, pointer);
      pending.push({ value: inner, pointer: `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth: depth + 1 });
    }
  }
}

function requireText(text: string, pointer: string): void {
  if (text.includes('\0')) refuse('Texts must not contain the character NUL', pointer);
  if (!text.isWellFormed()) refuse('Texts must not contain half a surrogate pair', pointer);
}

function refuse(message: string, pointer: string): never {
  throw new Invalid(message, [{ pointer, message }]);
}

/** Checks bodies, queries and path parameters of every request. */
export function installStorableCheck(fastify: FastifyInstance): void {
  fastify.addHook('preHandler', (request, _reply, done) => {
    requireStorable(request.body);
    requireStorable(request.query);
    requireStorable(request.params);
    done();
  });
}
