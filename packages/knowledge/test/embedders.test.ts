import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { oneTransaction, runAs } from '@agent-hive/kernel';
import { principal, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { DocumentsService } from '../src/document/documents.service.js';
import type { EmbeddingModelDto } from '../src/embedding/embedding-model.dto.js';
import { lexicalVector } from '../src/embedding/lexical-embedder.js';
import type { SearchResultDto } from '../src/search/search.dto.js';
import { aDocument, embedAll, found, knowledgeApp, type Answered } from './world.js';

const DIMENSIONS = 8;

/** What the service was asked. */
interface Asked {
  model: string;
  input: string[];
  authorization: string | undefined;
}

describe('a service that computes embeddings', () => {
  let hive: TestApp;
  let service: Server;
  let asked: Asked[] = [];
  /** What it answers to the texts; undefined for good vectors. */
  let answer: ((texts: string[], ...args: Parameters<RequestListener>) => void) | undefined;

  beforeAll(async () => {
    service = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { model, input } = JSON.parse(Buffer.concat(chunks).toString()) as { model: string; input: string[] };
        asked.push({ model, input, authorization: request.headers.authorization });
        if (answer) answer(input, request, response);
        else send(response, input.map((text, index) => ({ index, embedding: vectorOf(text) })).reverse());
      });
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    hive = await knowledgeApp({ embeddings: { url: `http://127.0.0.1:${(service.address() as AddressInfo).port}/v1/`, model: 'small', dimensions: DIMENSIONS, key: 'secret', timeoutMs: 1_500 } });
  });
  afterAll(async () => {
    await hive.close();
    service.closeAllConnections();
    service.close();
  });
  beforeEach(() => {
    asked = [];
    answer = undefined;
  });

  const send = (response: Parameters<RequestListener>[1], data: unknown, status = 200): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  /** Near for texts about the same animal. */
  const vectorOf = (text: string): number[] => Array.from({ length: DIMENSIONS }, (_, i) => (text.toLowerCase().includes(['cat', 'feline', 'dog', 'hound'][i]!) ? 1 : 0.01) + (i < 2 && /cat|feline/i.test(text) ? 1 : 0));
  const tenant = (): TestRequest => ({ as: principal() });
  const search = async (body: object, request: TestRequest) => (await hive.post<Answered<SearchResultDto>>('/v1/knowledge/search', body, request)).body;
  const model = async (request: TestRequest) => (await hive.get<{ items: EmbeddingModelDto[] }>('/v1/embedding-models', request)).body.items[0]!;
  /** As if the time had passed after which a service that failed is tried again. */
  const later = () => hive.database.execute(hive.orm, `update knowledge.embedding_model set retry_at = null`);

  it('gives chunks and queries their vectors: the key and the model are sent, texts go in batches, answers may come in any order', async () => {
    const as = tenant();
    const cats = await aDocument(hive, { name: 'cats', content: 'All about the feline.' }, as);
    await aDocument(hive, { name: 'dogs', content: 'All about the hound.' }, as);
    await aDocument(hive, { name: 'many', content: Array.from({ length: 100 }, (_, i) => `# Part ${i}\n\n${'words '.repeat(45)}`).join('\n\n') }, as);
    expect(await embedAll(hive, as)).toBe(102);
    expect(asked.map(({ input }) => input.length)).toEqual([64, 38]);
    expect(asked[0]).toMatchObject({ model: 'small', authorization: 'Bearer secret' });
    expect(await search({ query: 'my cat', mode: 'vector', limit: 1 }, as)).toMatchObject({ model: 'small', degraded: null, items: [{ id: cats.id }] });
    expect(await model(as)).toMatchObject({ name: 'small', dimensions: DIMENSIONS, provider: 'http', isDefault: true, progress: { embedded: 102, pending: 0, failed: 0 }, lastError: null });
  });

  it('is asked again when it was busy, and not by who waits for it', async () => {
    const as = tenant();
    await aDocument(hive, { content: 'A cat.' }, as);
    let busy = 2;
    answer = (texts, _, response) => (busy-- > 0 ? send(response, null, 503) : send(response, texts.map((text) => ({ embedding: vectorOf(text) }))));
    expect(await embedAll(hive, as)).toBe(1);
    expect(asked).toHaveLength(3);
    busy = 1;
    expect(await search({ query: 'cat' }, as)).toMatchObject({ degraded: 'embedding failed: the service answered 503' });
    expect(asked).toHaveLength(4);
  });

  const junk = (data: unknown) => (_: string[], __: unknown, response: Parameters<RequestListener>[1]) => send(response, data);
  it.each<[string, NonNullable<typeof answer>, string]>([
    ['hangs', () => undefined, 'it took too long'],
    ['hangs up', (_, request) => void request.socket.destroy(), 'did not answer'],
    ['fails', (_, __, response) => send(response, null, 500), 'answered 500'],
    ['knows no such model', (_, __, response) => send(response, null, 404), 'answered 404'],
    ['answers no JSON', (_, __, response) => void response.end('<html>'), 'no JSON'],
    ['answers null', (_, __, response) => void response.end('null'), 'no vectors'],
    ['answers no vector', junk([]), '0 vectors for 1 texts'],
    ['answers another dimension', junk([{ index: 0, embedding: [1, 2] }]), 'has 2 dimensions, and the model has 8'],
    ['answers nulls', junk([{ index: 0, embedding: Array(DIMENSIONS).fill(null) }]), 'no finite number'],
    ['answers zeros', junk([{ index: 0, embedding: Array(DIMENSIONS).fill(0) }]), 'no direction'],
    ['answers a number that is infinite', (_, __, response) => void response.end(`{"data":[{"index":0,"embedding":[${Array(DIMENSIONS).fill('1e999').join()}]}]}`), 'no finite number'],
    ['numbers its vectors wrongly', junk([{ index: 7, embedding: Array(DIMENSIONS).fill(1) }]), 'wrongly'],
    ['answers more than anybody needs', (_, __, response) => void response.end('x'.repeat(17 * 1024 * 1024)), 'more than'],
  ])('may be one that %s: search answers by words and says why, and is not kept waiting a second time', async (_, bad, reason) => {
    const as = tenant();
    const { id } = await aDocument(hive, { content: 'A sentence about wombats.' }, as);
    answer = bad;
    for (const mode of ['hybrid', 'vector']) {
      const started = performance.now();
      expect(await search({ query: 'wombats', mode }, as)).toMatchObject({ items: [{ id, ranks: { text: 1 } }], model: null, degraded: expect.stringContaining(reason) });
      expect(performance.now() - started).toBeLessThan(3_000);
    }
    expect((await model(as)).lastError).toContain(reason);
    answer = undefined;
    await later();
    expect(await embedAll(hive, as)).toBe(1);
    expect(await model(as)).toMatchObject({ lastError: null, retryAt: null });
    expect(await search({ query: 'wombats' }, as)).toMatchObject({ degraded: null, items: [{ id, ranks: { text: 1, vector: 1 } }] });
  });

  it('refuses one text: the others get their vectors, and that one is given up until it is reindexed', async () => {
    const as = tenant();
    for (const name of ['one', 'two', 'bad', 'four']) await aDocument(hive, { name, content: `A ${name} text about a dog.` }, as);
    answer = (texts, _, response) => (texts.some((text) => text.includes('bad')) ? send(response, null, 400) : send(response, texts.map((text, index) => ({ index, embedding: vectorOf(text) }))));
    expect(await embedAll(hive, as)).toBe(3);
    expect(await model(as)).toMatchObject({ progress: { embedded: 3, pending: 1, failed: 1 } });
    answer = undefined;
    expect(await embedAll(hive, as)).toBe(0);
    const { id } = await model(as);
    expect(await hive.post(`/v1/embedding-models/${id}/reindex`, {}, as)).toMatchObject({ status: 202, body: { progress: { pending: 4, failed: 0 } } });
    expect(await embedAll(hive, as)).toBe(4);
    expect(await model(as)).toMatchObject({ progress: { embedded: 4, pending: 0, failed: 0 } });
  });

  it('is left alone for a while when it is away, and no text is given up for that', async () => {
    const as = tenant();
    await aDocument(hive, { content: 'A dog.' }, as);
    answer = (_, __, response) => send(response, null, 503);
    expect(await embedAll(hive, as)).toBe(0);
    const count = asked.length;
    expect(await embedAll(hive, as)).toBe(0);
    expect(await search({ query: 'dog' }, as)).toMatchObject({ degraded: expect.stringContaining('shortly before') });
    expect(asked).toHaveLength(count);
    expect(await model(as)).toMatchObject({ progress: { pending: 1, failed: 0 }, retryAt: expect.any(String) });
  });

  describe('beside other models', () => {
    it('each has its own vectors, one is the default, and each is left as it is by the others', async () => {
      const as = tenant();
      const { id } = await aDocument(hive, { content: 'The feline sleeps.' }, as);
      await embedAll(hive, as);
      const made = await hive.post<EmbeddingModelDto>('/v1/embedding-models', { name: 'words', dimensions: 256, provider: 'lexical' }, as);
      expect(made).toMatchObject({ status: 201, body: { isDefault: false, progress: { embedded: 0, pending: 1 } } });
      await embedAll(hive, as);
      expect(await search({ query: 'feline', mode: 'vector', model: 'words' }, as)).toMatchObject({ model: 'words', items: [{ id }] });
      expect(await search({ query: 'cat', mode: 'vector' }, as)).toMatchObject({ model: 'small', items: [{ id }] });
      expect((await hive.put<EmbeddingModelDto>(`/v1/embedding-models/${made.body.id}/default`, {}, as)).body.isDefault).toBe(true);
      expect(await search({ query: 'sleeping felines', mode: 'vector' }, as)).toMatchObject({ model: 'words', items: [{ id }] });
      expect(await hive.delete(`/v1/embedding-models/${made.body.id}`, as)).toMatchObject({ status: 409, body: { code: 'in-use' } });
      const { items } = (await hive.get<{ items: EmbeddingModelDto[] }>('/v1/embedding-models?total=true', as)).body;
      expect(items.map((one) => [one.name, one.isDefault])).toEqual([['words', true], ['small', false]]);
      expect((await hive.delete(`/v1/embedding-models/${items[1]!.id}`, as)).status).toBe(204);
      expect(found(await search({ query: 'feline' }, as))).toEqual([id]);
    });

    it('one that is added while a document is written embeds that too', async () => {
      const me = principal();
      await aDocument(hive, {}, { as: me });
      await embedAll(hive, { as: me });
      const [written, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const writing = runAs(hive.orm.em, me, () =>
        oneTransaction(hive.orm.em, async () => {
          await hive.app.get(DocumentsService, { strict: false }).create({ name: 'late', category: 'guides', content: 'Committed last.' });
          written.resolve();
          await go.promise;
        }),
      );
      await written.promise;
      const adding = hive.post<EmbeddingModelDto>('/v1/embedding-models', { name: 'words', dimensions: 64, provider: 'lexical' }, { as: me });
      setTimeout(() => go.resolve(), 200);
      await writing;
      const { id } = (await adding).body;
      expect((await hive.get<EmbeddingModelDto>(`/v1/embedding-models/${id}`, { as: me })).body.progress).toEqual({ embedded: 0, pending: 2, failed: 0 });
    });

    it('refuses what cannot be a model', async () => {
      const as = tenant();
      const attempt = async (body: object) => {
        const made = await hive.post<Answered<object>>('/v1/embedding-models', { name: 'm', dimensions: 8, provider: 'lexical', ...body }, as);
        return [made.status, made.body.errors?.[0]?.pointer ?? made.body.code];
      };
      expect(await attempt({})).toEqual([201, undefined]);
      expect(await attempt({})).toEqual([409, 'conflict']);
      for (const dimensions of [0, 4001, 1.5, 'x']) expect(await attempt({ name: 'n', dimensions })).toEqual([422, '/dimensions']);
      expect(await attempt({ name: 'n', provider: 'magic' })).toEqual([422, '/provider']);
      expect(await attempt({ name: '' })).toEqual([422, '/name']);
      expect(await attempt({ name: 'largest', dimensions: 4000 })).toEqual([201, undefined]);
      await aDocument(hive, { content: 'Something.' }, as);
      expect(await embedAll(hive, as)).toBe(2);
    });
  });
});

describe('without a service', () => {
  it('the hive embeds by words, the same way each time, and refuses a model of a service', async () => {
    const hive = await knowledgeApp();
    expect(await hive.post<Answered<object>>('/v1/embedding-models', { name: 'm', dimensions: 8, provider: 'http' })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/provider', allowed: ['lexical', 'caller'] }] } });
    expect(await hive.post('/v1/knowledge/search', { query: 'anything' })).toMatchObject({ status: 200, body: { model: 'lexical-1536', degraded: null, items: [] } });
    await hive.close();
  });

  it('texts are near that share words or parts of words; what they mean is not known', () => {
    const cosine = (a: string, b: string) => {
      const other = lexicalVector(b, 1536);
      return lexicalVector(a, 1536).reduce((sum, value, i) => sum + value * other[i]!, 0);
    };
    expect(lexicalVector('The same text', 1536)).toEqual(lexicalVector('The same text', 1536));
    expect(cosine('a text', 'a text')).toBeCloseTo(1, 6);
    expect(cosine('reconnecting clients', 'reconnected client')).toBeGreaterThan(0.2);
    expect(cosine('getUserName', 'user name')).toBeGreaterThan(0.5);
    expect(cosine('Müller', 'muller')).toBeGreaterThan(0.9);
    expect(Math.abs(cosine('cat', 'feline'))).toBeLessThan(0.1);
    for (const text of ['', ' ', '👻', '!?']) expect(cosine(text, text)).toBeCloseTo(1, 6);
  });
});
