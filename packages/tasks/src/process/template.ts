/*
 * Placeholders: `{{parameters.name}}` stands for a parameter of a run.
 *
 *   "Review {{parameters.repo}}"   becomes a text: a parameter that is no text is written as JSON, one that is absent as nothing
 *   "{{parameters.limit}}"         becomes the parameter itself, of its own type; null when it is absent
 *
 * Keys of objects are no templates, and neither is any other text in double braces.
 */
import { Invalid } from '@agent-hive/kernel';

/** No two quantifiers here can match the same character, so a text takes linear time. */
const PLACEHOLDER = /\{\{\s*parameters\.([^{}]*)\}\}/g;
const ONLY_PLACEHOLDER = /^\{\{\s*parameters\.([^{}]*)\}\}$/;

/** A placeholder, and where it stands. */
export interface Placeholder {
  name: string;
  pointer: string;
}

/** Every placeholder in a JSON value. `pointer` is where the value itself stands. */
export function placeholdersIn(value: unknown, pointer: string): Placeholder[] {
  if (typeof value === 'string') return [...value.matchAll(PLACEHOLDER)].map((match) => ({ name: match[1]!.trim(), pointer }));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => placeholdersIn(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

/**
 * Puts parameters in the place of their placeholders. One renderer serves all templates of a run and makes at most
 * `charsMax` characters of them: a short template that names a long parameter thousands of times would fill the memory.
 */
export class Renderer {
  private readonly texts = new Map<string, string>();
  private left: number;

  constructor(
    private readonly parameters: Readonly<Record<string, unknown>>,
    private readonly charsMax: number,
  ) {
    this.left = charsMax;
  }

  /** A text with its placeholders filled in. Throws Invalid when there is too much of it. */
  text(template: string): string {
    const pieces: string[] = [];
    let at = 0;
    for (const match of template.matchAll(PLACEHOLDER)) {
      pieces.push(template.slice(at, match.index), this.textOf(match[1]!.trim()));
      at = match.index + match[0].length;
    }
    pieces.push(template.slice(at));
    this.spend(pieces.reduce((sum, piece) => sum + piece.length, 0));
    return pieces.join('');
  }

  /** A JSON value with the placeholders in its texts filled in. Throws Invalid when there is too much of it. */
  value(template: unknown): unknown {
    if (typeof template === 'string') {
      const name = ONLY_PLACEHOLDER.exec(template)?.[1]?.trim();
      return name === undefined ? this.text(template) : this.parameter(name);
    }
    if (Array.isArray(template)) return template.map((item) => this.value(item));
    if (typeof template !== 'object' || template === null) return template;
    return Object.fromEntries(Object.entries(template).map(([key, inner]) => [key, this.value(inner)]));
  }

  private parameter(name: string): unknown {
    this.spend(this.textOf(name).length);
    return Object.hasOwn(this.parameters, name) ? this.parameters[name] : null;
  }

  private textOf(name: string): string {
    const known = this.texts.get(name);
    if (known !== undefined) return known;
    const value = Object.hasOwn(this.parameters, name) ? (this.parameters[name] ?? '') : '';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    this.texts.set(name, text);
    return text;
  }

  private spend(chars: number): void {
    this.left -= chars;
    if (this.left >= 0) return;
    const message = `the tasks of the run would have more than ${this.charsMax} characters with these parameters`;
    throw new Invalid(message, [{ pointer: '/parameters', message }]);
  }
}
