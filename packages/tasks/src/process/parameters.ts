import { createContext, Script } from 'node:vm';
import { Ajv, type ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Invalid, type FieldError } from '@agent-hive/kernel';

type Json = Record<string, unknown>;
type Schema = Readonly<Json>;

/** Breaches that one refusal names. */
const ERRORS_MAX = 20;

/**
 * Most time of the processor that checking may take. Patterns come from whoever defined the process and values from whoever runs
 * it: some take a regular expression exponential time, and nobody else would be served meanwhile.
 */
const CHECK_MAX_MS = 100;

/** As requireJsonSchema() compiles: the schema itself passed there, so it is not checked again, which costs ten times as much. */
const OPTIONS = { strict: false, validateFormats: false, logger: false, code: { optimize: false }, validateSchema: false, allErrors: true, ownProperties: true } as const;

/** Names that a schema declares: its own `properties`, and those of the schemas beside them that it is made up of. */
export function declaredNames(schema: unknown): Set<string> {
  if (!isObject(schema)) return new Set();
  const { properties, allOf, anyOf, oneOf, then, else: otherwise } = schema;
  const parts = [allOf, anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  return new Set([...(isObject(properties) ? Object.keys(properties) : []), ...[...parts, then, otherwise].flatMap((part) => [...declaredNames(part)])]);
}

/**
 * The parameters of a run: what was given, with the schema's defaults. Throws Invalid, with a pointer to each, on what breaks the
 * schema and on a parameter that it does not declare, unless it says itself what others there may be.
 */
export function parametersOf(schema: Schema, given: Schema): Json {
  const values = structuredClone(given) as Json;
  fillIn(schema, values);
  const errors = [...undeclared(schema, values), ...breaches(schema, values)];
  if (errors.length > 0) throw new Invalid(errors.map((error) => `${error.pointer} ${error.message}`).join('; '), errors);
  return values;
}

/** Puts defaults in, of objects inside objects too. Those of items of lists stay out: a short list would become endless data. */
function fillIn({ properties }: Schema, values: Json): void {
  if (!isObject(properties)) return;
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) continue;
    if (!Object.hasOwn(values, name) && property.default !== undefined) values[name] = structuredClone(property.default);
    const inner = Object.hasOwn(values, name) ? values[name] : undefined;
    if (isObject(inner)) fillIn(property, inner);
  }
}

function undeclared(schema: Schema, values: Json): FieldError[] {
  if (['additionalProperties', 'patternProperties', 'unevaluatedProperties'].some((keyword) => Object.hasOwn(schema, keyword))) return [];
  const names = declaredNames(schema);
  const unknown = Object.keys(values).filter((name) => !names.has(name));
  return unknown.slice(0, ERRORS_MAX).map((name) => ({ pointer: `/parameters/${escaped(name)}`, message: 'is no parameter of the process', allowed: [...names] }));
}

function breaches(schema: Schema, values: Json): FieldError[] {
  const Draft = String(schema.$schema).includes('draft-07') ? Ajv : Ajv2020;
  const validate = new Draft(OPTIONS).compile(schema);
  if (!within(CHECK_MAX_MS, () => validate(values))) return [{ pointer: '/parameters', message: 'take too long to check: a pattern of the schema suits them badly' }];
  return (validate.errors ?? []).slice(0, ERRORS_MAX).map(fieldErrorOf);
}

function fieldErrorOf({ instancePath, keyword, params, message }: ErrorObject): FieldError {
  const { missingProperty, additionalProperty, unevaluatedProperty, allowedValues } = params as Record<string, unknown>;
  const inner = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  const pointer = `/parameters${instancePath}${typeof inner === 'string' ? `/${escaped(inner)}` : ''}`;
  if (keyword === 'required') return { pointer, message: 'is required' };
  return { pointer, message: message ?? `breaks ${keyword}`, ...(Array.isArray(allowedValues) && { allowed: allowedValues }) };
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Code of another context can be stopped from outside, also inside a regular expression. */
const idle = (): unknown => undefined;
const sandbox = createContext({ work: idle });
const callWork = new Script('work()');

/** Does work that may take so much time of the processor; false when it was stopped. Work that was stopped only since the machine is busy begins anew. */
function within(cpuMs: number, work: () => unknown): boolean {
  for (let timeout = 2 * cpuMs; ; timeout *= 2) {
    const before = process.threadCpuUsage();
    sandbox.work = work;
    try {
      callWork.runInContext(sandbox, { timeout });
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      const { user, system } = process.threadCpuUsage(before);
      if (user + system >= cpuMs * 1000) return false;
    } finally {
      sandbox.work = idle;
    }
  }
}
