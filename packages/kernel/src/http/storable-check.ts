import type { FastifyInstance } from 'fastify';
import { Invalid } from '../errors.js';
import { escaped } from './binding.js';

/** Deeper JSON than this is nobody's data: PostgreSQL and every recursive reader would run out of stack far below the body limit. */
const DEPTH_MAX = 64;

/** NUL, or half a surrogate pair: whole pairs are one character under the flag. */
const UNSTORABLE = /[\0\ud800-\udfff]/u;

/**
 * Refuses, before any handler, what the database cannot keep as it is: NUL characters and halves of surrogate pairs in
 * texts, numbers that JSON cannot say (JSON.parse reads 1e400), and JSON nested too deep. Throws Invalid with a pointer.
 */
export function requireStorable(value: unknown): void {
  look(value, []);
}

/** The path becomes a pointer when something is refused; most of what is looked at is not. */
function look(value: unknown, path: (string | number)[]): void {
  if (typeof value === 'string') requireText(value, path);
  else if (typeof value === 'number' && !Number.isFinite(value)) refuse('Numbers must be within the range of a double', path);
  else if (typeof value === 'object' && value !== null) {
    if (path.length >= DEPTH_MAX) refuse(`JSON must not be nested deeper than ${DEPTH_MAX} levels`, path);
    if (Array.isArray(value)) value.forEach((inner: unknown, i) => lookInto(inner, i, path));
    else {
      for (const key of Object.keys(value)) {
        requireText(key, path);
        lookInto((value as Record<string, unknown>)[key], key, path);
      }
    }
  }
}

function lookInto(inner: unknown, key: string | number, path: (string | number)[]): void {
  path.push(key);
  look(inner, path);
  path.pop();
}

function requireText(text: string, path: (string | number)[]): void {
  if (!UNSTORABLE.test(text)) return;
  refuse(text.includes('\0') ? 'Texts must not contain the character NUL' : 'Texts must not contain half a surrogate pair', path);
}

function refuse(message: string, path: (string | number)[]): never {
  throw new Invalid(message, [{ pointer: path.map((key) => `/${escaped(String(key))}`).join(''), message }]);
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
