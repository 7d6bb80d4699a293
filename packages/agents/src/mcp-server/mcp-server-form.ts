import { Invalid, type FieldError } from '@agent-hive/kernel';
import type { Transport } from './mcp-server.entity.js';

/** Stands in answers for a value that the hive keeps and never tells; sent back, it means that value. */
export const MASK = '********';

type Values = Record<string, string>;

/** What makes a server startable (stdio) or reachable (http). */
export interface McpServerForm {
  transport: Transport;
  command: string | null;
  args: string[];
  env: Values;
  url: string | null;
  headers: Values;
}

const NAMES_MAX = 100;
const NAME_MAX = 200;
const VALUE_MAX = 8192;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** RFC 9110, 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110, 5.5: visible characters, space, tab, and the obsolete upper half. A line break would begin another header. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const ENV_VALUE = /^[^\r\n\0]*$/;
const UNPRINTABLE = /[\s\p{Cc}]/u;

/**
 * Refuses a form that nobody could start or reach, naming every broken field at once. A field of the other transport is
 * refused even when it would be ignored, so that nothing looks configured that is not. No message repeats a value of env
 * or headers, which may be a secret.
 */
export function requireForm(form: McpServerForm): void {
  const errors = form.transport === 'stdio' ? stdioErrors(form) : httpErrors(form);
  if (errors.length > 0) throw new Invalid(errors.map((error) => error.message).join('; '), errors);
}

function stdioErrors({ command, url, headers, env }: McpServerForm): FieldError[] {
  const errors = valuesErrors('env', env, { name: ENV_NAME, nameRule: 'letters, digits and underscores, not beginning with a digit', value: ENV_VALUE });
  if (command === null) errors.push(at('/command', 'a stdio server needs a command'));
  if (url !== null) errors.push(at('/url', 'a stdio server takes no url: leave it out, or send null to clear it'));
  if (!isEmpty(headers)) errors.push(at('/headers', 'a stdio server takes no headers: leave them out, or send {} to clear them'));
  return errors;
}

function httpErrors({ command, args, env, url, headers }: McpServerForm): FieldError[] {
  const errors = valuesErrors('headers', headers, { name: HEADER_NAME, nameRule: 'a token of RFC 9110', value: HEADER_VALUE });
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const twice = Object.keys(headers).find((name, i) => names.indexOf(name.toLowerCase()) !== i);
  if (twice !== undefined) errors.push(at(`/headers/${escape(twice)}`, `header ${twice} is there twice: names differ by more than case`));
  if (url === null) errors.push(at('/url', 'an http server needs a url'));
  else errors.push(...urlErrors(url));
  if (command !== null) errors.push(at('/command', 'an http server takes no command: leave it out, or send null to clear it'));
  if (args.length > 0) errors.push(at('/args', 'an http server takes no args: leave them out, or send [] to clear them'));
  if (!isEmpty(env)) errors.push(at('/env', 'an http server takes no env: leave it out, or send {} to clear it'));
  return errors;
}

function urlErrors(text: string): FieldError[] {
  // The parser takes away white space and adds slashes; what is stored is the text itself, so it must need no mending.
  const url = /^https?:\/\/[^/]/i.test(text) && !UNPRINTABLE.test(text) ? URL.parse(text) : null;
  if (!url) return [at('/url', 'url must be absolute, http or https, such as https://example.com/mcp')];
  const errors: FieldError[] = [];
  if (url.username !== '' || url.password !== '') errors.push(at('/url', 'url must not hold credentials: send them as a header, whose value is kept secret'));
  if (text.includes('#')) errors.push(at('/url', 'url must not have a fragment'));
  return errors;
}

function valuesErrors(field: 'env' | 'headers', values: Values, rules: { name: RegExp; nameRule: string; value: RegExp }): FieldError[] {
  const entries = Object.entries<unknown>(values);
  if (entries.length > NAMES_MAX) return [at(`/${field}`, `${field} must have at most ${NAMES_MAX} names`)];
  return entries.flatMap(([name, value]) => {
    const pointer = `/${field}/${escape(name)}`;
    const errors: FieldError[] = [];
    if (name.length > NAME_MAX || !rules.name.test(name)) errors.push(at(pointer, `a name of ${field} must be ${rules.nameRule}, and have at most ${NAME_MAX} characters`));
    if (typeof value !== 'string' || value.length > VALUE_MAX || !rules.value.test(value)) {
      errors.push(at(pointer, `a value of ${field} must be a text of at most ${VALUE_MAX} characters, ${field === 'env' ? 'without line breaks' : 'on one line, of Latin-1'}`));
    }
    return errors;
  });
}

/** Names with their values hidden, for answers. */
export const masked = (values: Values): Values => Object.fromEntries(Object.keys(values).map((name) => [name, MASK]));

/** The values that are meant: a masked one is the stored one of that name. Throws Invalid when there is none. */
export function unmasked(field: 'env' | 'headers', sent: Values, stored: Values): Values {
  const lost = Object.keys(sent).filter((name) => sent[name] === MASK && !Object.hasOwn(stored, name));
  if (lost.length > 0) {
    const errors = lost.map((name) => at(`/${field}/${escape(name)}`, `${MASK} stands for a value that is stored already, and none is stored for ${name}`));
    throw new Invalid(errors.map((error) => error.message).join('; '), errors);
  }
  return Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, value === MASK ? stored[name]! : value]));
}

/**
 * Refuses stored values that would go to another program or origin than the one they were given for: who may change where a
 * server is must not come to know its secrets by that. `kept` names the values that were not sent anew.
 */
export function requireSameRecipient(stored: Pick<McpServerForm, 'command' | 'args' | 'url'>, form: McpServerForm, kept: Record<'env' | 'headers', string[]>): void {
  const sameProgram = stored.command === form.command && stored.args.join('\0') === form.args.join('\0');
  const sameOrigin = originOf(stored.url) === originOf(form.url);
  const errors = [
    ...(sameProgram ? [] : kept.env.map((name) => at(`/env/${escape(name)}`, `send the value of ${name} again, since it would go to another command`))),
    ...(sameOrigin ? [] : kept.headers.map((name) => at(`/headers/${escape(name)}`, `send the value of ${name} again, since it would go to another origin`))),
  ];
  if (errors.length > 0) throw new Invalid(errors.map((error) => error.message).join('; '), errors);
}

const originOf = (url: string | null): string | null => (url === null ? null : (URL.parse(url)?.origin ?? null));

const at = (pointer: string, message: string): FieldError => ({ pointer, message });
const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const isEmpty = (values: Values): boolean => Object.keys(values).length === 0;
