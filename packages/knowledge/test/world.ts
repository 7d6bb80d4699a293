import { AgentsModule } from '@agent-hive/agents';
import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { DocumentDto } from '../src/document/document.dto.js';
import type { MemoryDto } from '../src/memory/memory.dto.js';
import { EmbeddingsService, KnowledgeModule, knowledgeDomain, type KnowledgeOptions } from '../src/index.js';
import type { SearchResultDto } from '../src/search/search.dto.js';

/** What an answer of the API may be: something, or the problem why not. */
export type Answered<T> = T & { code?: string; detail?: string; errors?: { pointer: string; message: string; allowed?: unknown[] }[] };

/** The domain's application over a database of its own. */
export const knowledgeApp = (options: KnowledgeOptions = {}): Promise<TestApp> =>
  testApp({ domains: [knowledgeDomain], modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(), KnowledgeModule.forRoot(options)], subscribers: [new CaptureSubscriber()] });

let serial = 0;

/** Registers an agent. */
export async function anAgent(hive: TestApp, request: TestRequest = {}): Promise<{ id: string }> {
  const made = await hive.post<{ id: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose' }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** A user of the tenant, as whom a request may be sent. */
export async function aPerson(hive: TestApp, tenant: Principal = hive.me): Promise<Principal & { actor: { id: string } }> {
  const made = await hive.post<{ id: string }>('/v1/users', { email: `person${++serial}@example.com` }, { as: tenant });
  if (made.status !== 201) throw new Error(`no user: ${made.status} ${JSON.stringify(made.body)}`);
  return { ...tenant, actor: { type: 'user', id: made.body.id, name: `person ${serial}` } };
}

/** The agent's own key, with every scope. */
export const asAgent = ({ id }: { id: string }, tenant: Principal): Principal => ({ ...tenant, actor: { type: 'agent', id, name: `agent ${id}` } });

/** Makes a document, by default one with a name of its own. */
export async function aDocument(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<DocumentDto> {
  const made = await hive.post<DocumentDto>('/v1/documents', { name: `document ${++serial}`, category: 'guides', content: '# Title\n\nSome text.\n', ...overrides }, request);
  if (made.status !== 201) throw new Error(`no document: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Names of the actions that the record has of a subject, newest first. */
export async function recorded(hive: TestApp, id: string, request: TestRequest = {}): Promise<string[]> {
  const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${id}`, request);
  return body.items.map((entry) => entry.action);
}

/** Keeps a memory, by default a fact that is everybody's. */
export async function aMemory(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<MemoryDto> {
  const made = await hive.post<MemoryDto>('/v1/memories', { knowledgeType: 'fact', domain: 'testing', content: 'Something that was learned.', ...overrides }, request);
  if (made.status !== 201) throw new Error(`no memory: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** What the background job does for the tenant. Returns how many vectors it stored. */
export const embedAll = (hive: TestApp, request: TestRequest = {}): Promise<number> =>
  runAs(hive.orm.em, servicePrincipal(((request.as as Principal | undefined) ?? hive.me).tenantId, 'job:embeddings'), () => hive.app.get(EmbeddingsService, { strict: false }).work());

/** Ids of what a search found, best first. */
export const found = ({ items }: SearchResultDto): string[] => items.map((item) => item.id);
