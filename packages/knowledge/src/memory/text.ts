import type { KnowledgeType } from './memory.entity.js';

/** What search reads of a memory's content: a text itself, of an object each name with its value, a line each. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  const lines: string[] = [];
  const walk = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const inner of value) walk(inner, name);
    else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) walk(inner, name === '' ? key : `${name} ${key}`);
    else if (value !== null) lines.push(`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  };
  walk(content, '');
  return lines.join('\n');
}

/** What a memory is called where it has no name. */
export const titleOf = ({ name, knowledge_type: type, domain }: { name: string | null; knowledge_type: KnowledgeType; domain: string }): string => name ?? `${type} (${domain})`;
