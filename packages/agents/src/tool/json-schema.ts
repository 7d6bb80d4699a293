import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Invalid } from '@agent-hive/kernel';

/** Drafts that a tool's schema may be written in, by their `$schema`; the first is meant when there is none. */
const DRAFTS = new Map([
  ['https://json-schema.org/draft/2020-12/schema', Ajv2020],
  ['http://json-schema.org/draft-07/schema#', Ajv],
]);

/**
 * Keywords that a draft does not know are allowed, as the drafts say, and `format` stays an annotation. Optimizing the
 * generated code would take ten times as long as generating it, and it never runs.
 */
const OPTIONS = { strict: false, validateFormats: false, logger: false, code: { optimize: false } } as const;

const MESSAGE_MAX = 500;

/**
 * Refuses a schema that no client could validate a call with: breaking its draft, with a pattern that is no regular
 * expression, or with a `$ref` that leads nowhere inside it. Nothing is fetched, so a remote `$ref` is refused too. Every
 * schema gets a validator of its own: schemas of different tenants must not see each other's `$id`. `pointer` is where the schema stands in the request.
 */
export function requireJsonSchema(schema: Record<string, unknown>, pointer = '/schema'): void {
  try {
    new (draftOf(schema, pointer))(OPTIONS).compile(schema);
  } catch (error) {
    if (error instanceof Invalid) throw error;
    // ajv generates code by recursion: what is too much for it, with the nesting already limited, is a list thousands long.
    refuse(error instanceof RangeError ? 'the schema is too large to compile' : (error as Error).message, pointer);
  }
}

function draftOf(schema: Record<string, unknown>, pointer: string): typeof Ajv | typeof Ajv2020 {
  const named = schema.$schema;
  if (named === undefined) return Ajv2020;
  // Draft 7 is written with and without the empty fragment.
  const draft = typeof named === 'string' ? (DRAFTS.get(named) ?? DRAFTS.get(`${named}#`)) : undefined;
  return draft ?? refuse(`$schema must be one of: ${[...DRAFTS.keys()].join(', ')}`, pointer, [...DRAFTS.keys()]);
}

function refuse(why: string, pointer: string, allowed?: readonly string[]): never {
  const message = `${pointer.split('/').at(-1)} must be a valid JSON Schema: ${why.slice(0, MESSAGE_MAX)}`;
  throw new Invalid(message, [{ pointer, message, ...(allowed && { allowed }) }]);
}
