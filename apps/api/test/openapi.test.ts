import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { PROBLEMS } from '../src/docs/problems.js';
import { root } from './world.js';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  allOf?: Schema[];
  oneOf?: Schema[];
}

interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { $ref?: string; headers?: object }>;
  security?: object[];
  'x-scope'?: string;
}

const document = JSON.parse(readFileSync(root('openapi.json'), 'utf8')) as {
  openapi: string;
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
const operations = Object.entries(document.paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method, path, operation })));
const guarded = operations.filter(({ operation }) => operation['x-scope']);

describe('openapi.json', () => {
  it('is what the code says', () => {
    // The built code: the compiler's plugin has put the descriptions of the DTOs there.
    execFileSync(process.execPath, [root('apps/api/dist/docs/main.js'), '--check'], { stdio: ['ignore', 'ignore', 'inherit'] });
  });

  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result).toEqual({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  it('refers to nothing that is not there', () => {
    const text = JSON.stringify(document);
    for (const [, path] of text.matchAll(/"\$ref":"#([^"]+)"/g)) {
      const found = path!.slice(1).split('/').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
      expect([path, typeof found]).toEqual([path, 'object']);
    }
    expect(text).not.toContain('"nullable"');
  });

  it('names every operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids).toEqual([...new Set(ids)]);
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]*_[a-z][A-Za-z]*$/);
    expect(ids).toEqual(expect.arrayContaining(['agents_create', 'agents_get', 'entries_list']));
  });

  it.each(operations)('$name has a summary, a described tag, and either a scope or no need of a key', ({ operation }) => {
    expect(operation.summary).toMatch(/^[A-Z].*\.$/s);
    const described = document.tags.filter((tag) => tag.description).map((tag) => tag.name);
    expect(operation.tags).toHaveLength(1);
    expect(described).toContain(operation.tags![0]);
    expect(Boolean(operation.security?.length)).toBe(Boolean(operation['x-scope']));
  });

  it.each(guarded)('$name says what it refuses', ({ method, path, operation }) => {
    const statuses = Object.keys(operation.responses);
    expect(statuses).toEqual(expect.arrayContaining(['401', '403', '429', '503']));
    if (method !== 'get') expect(statuses).toContain('409');
    if (path.includes('{')) expect(statuses).toContain('404');
    const names = (operation.parameters ?? []).map((p) => p.name);
    if (method === 'post') expect(names).toContain('Idempotency-Key');
    if (names.includes('If-Match')) expect(statuses).toContain('412');
    for (const status of statuses) expect(status in PROBLEMS || /^[23]/.test(status)).toBe(true);
  });

  it('has a schema of its own for each DTO: two of one name would be one, whichever came last', () => {
    const files = readdirSync(root('packages'), { recursive: true, encoding: 'utf8' }).filter((file) => /^\w+\/src\/.*\.dto\.ts$/.test(file));
    const names = files.flatMap((file) => [...readFileSync(root(`packages/${file}`), 'utf8').matchAll(/^export class (\w+)/gm)].map(([, name]) => name));
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('limits every list that a request may bring', () => {
    const open: string[] = [];
    const visit = (schema: Schema, at: string, seen: readonly string[]): void => {
      const name = schema.$ref?.split('/').at(-1);
      if (name && !seen.includes(name)) visit(document.components.schemas[name]!, at, [...seen, name]);
      // A list of what is in a closed list cannot be longer than that without a repeat.
      if (schema.type === 'array' && schema.maxItems === undefined && !schema.items?.enum) open.push(at);
      for (const part of [schema.items ?? [], schema.anyOf ?? [], schema.allOf ?? [], schema.oneOf ?? []].flat()) visit(part, at, seen);
      for (const [property, part] of Object.entries(schema.properties ?? {})) visit(part, `${at}/${property}`, seen);
    };
    for (const { name, operation } of operations) {
      for (const { schema } of [...(operation.parameters ?? []), ...Object.values(operation.requestBody?.content ?? {})]) visit(schema, name, []);
    }
    expect(open).toEqual([]);
  });

  it('describes the fields of its DTOs, as their comments do [S1.8]', () => {
    expect(document.components.schemas.CreateEntryDto!.properties).toMatchObject({
      actionType: { type: 'string', maxLength: 100, description: expect.stringContaining('What it did, such as `file.deleted`.') },
      riskLevel: { enum: ['low', 'medium', 'high', 'critical'] },
    });
  });
});
