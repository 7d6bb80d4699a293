/*
 * What an event gives to a run
 *
 *   "Look after {{event.subject.id}}"   becomes a text: what is no text is written as JSON, what is absent as nothing
 *   "{{event.newState.priority}}"       becomes the value itself, of its own type; null when it is absent
 */
import type { EventDto } from '@agent-hive/audit';
import { Invalid, type FieldError } from '@agent-hive/kernel';

type Json = Record<string, unknown>;

/** No two quantifiers here can match the same character, so a text takes linear time. */
const PLACEHOLDER = /\{\{\s*event\.([^{}]*)\}\}/g;
const ONLY_PLACEHOLDER = /^\{\{\s*event\.([^{}]*)\}\}$/;

/** Characters that the parameters of one run may become: as many as parameters may have. */
const CHARS_MAX = 65_536;

/** What a path may begin with. */
const FIELDS: readonly (keyof EventDto)[] = ['sequence', 'id', 'occurredAt', 'action', 'subject', 'risk', 'actor', 'agentId', 'sessionId', 'previousState', 'newState', 'details', 'requestId'];

/** Placeholders that name what no event has. `pointer` is where the value itself stands. */
export function unknownPaths(value: unknown, pointer: string): FieldError[] {
  if (typeof value === 'string') {
    const paths = [...value.matchAll(PLACEHOLDER)].map((match) => match[1]!.trim());
    return paths.filter((path) => !FIELDS.some((field) => path === field || path.startsWith(`${field}.`))).map((path) => ({ pointer, message: `an event has no ${JSON.stringify(path)}`, allowed: FIELDS }));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => unknownPaths(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

/** Parameters with an event's values in the place of placeholders. Throws Invalid when there would be too much of them. */
export function mapped(parameters: Json, event: EventDto): Json {
  let left = CHARS_MAX;
  const spend = (text: string): string => {
    left -= text.length;
    if (left >= 0) return text;
    const message = `the parameters would have more than ${CHARS_MAX} characters with event ${event.sequence}`;
    throw new Invalid(message, [{ pointer: '/parameters', message }]);
  };
  const valueOf = (template: unknown): unknown => {
    if (typeof template === 'string') {
      const only = ONLY_PLACEHOLDER.exec(template)?.[1]?.trim();
      if (only === undefined) return template.replace(PLACEHOLDER, (_, path: string) => spend(textOf(at(event, path.trim()))));
      const value = at(event, only) ?? null;
      spend(textOf(value));
      return value;
    }
    if (Array.isArray(template)) return template.map(valueOf);
    if (typeof template !== 'object' || template === null) return template;
    return Object.fromEntries(Object.entries(template).map(([key, inner]) => [key, valueOf(inner)]));
  };
  return valueOf(parameters) as Json;
}

const textOf = (value: unknown): string => (value == null ? '' : typeof value === 'string' ? value : JSON.stringify(value));

/** What stands at a path of own properties; undefined when it leads nowhere. */
function at(event: EventDto, path: string): unknown {
  let value: unknown = event;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Json)[key];
  }
  return value;
}
