import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import { EmbeddingsService } from '../src/index.js';
import type { GapPage, SearchItemDto, SearchResultDto } from '../src/search/search.dto.js';
import { aDocument, aMemory, anAgent, aPerson, asAgent, embedAll, found, knowledgeApp, recorded, type Answered } from './world.js';

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

describe('search', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await knowledgeApp();
  });
  afterAll(() => hive.close());

  const search = async (body: object, request: TestRequest = {}) => (await hive.post<Answered<SearchResultDto>>('/v1/knowledge/search', body, request)).body;

  /** A tenant of its own, in which nothing else is found. */
  const tenant = (): TestRequest => ({ as: principal() });

  describe('by words', () => {
    it('finds by stems, without accents, by what was quoted, and without what was taken out [S2.70]', async () => {
      const as = tenant();
      const pool = await aDocument(hive, { name: 'pool', content: '# Connection pools\n\nPools keep connections open. Configuring the pool size takes care.' }, as);
      const cafe = await aDocument(hive, { name: 'cafe', content: 'The café serves crème brûlée, and has an open pool.' }, as);
      const ids = async (query: string) => found(await search({ query, mode: 'text' }, as));
      expect(await ids('configure connection pool')).toEqual([pool.id, cafe.id]);
      expect(await ids('cafe creme')).toEqual([cafe.id]);
      expect(await ids('"open pool"')).toEqual([cafe.id]);
      expect(await ids('pool -connection')).toEqual([cafe.id]);
      expect(await ids('serves or configuring')).toHaveLength(2);
    });

    it('finds by one word of many, and first what has the rare ones', async () => {
      const as = tenant();
      for (let i = 0; i < 10; i++) await aDocument(hive, { name: `common ${i}`, content: `The server reads its settings, number ${i}, from the server file.` }, as);
      const rare = await aDocument(hive, { name: 'rare', content: 'A heartbeat tells the server that an agent lives.' }, as);
      expect(found(await search({ query: 'how does the server know of a heartbeat', mode: 'text' }, as))[0]).toBe(rare.id);
    });

    it('puts what answers most of a question before what has one word of it in a heading', async () => {
      const as = tenant();
      const answer = await aDocument(hive, { name: 'a', title: 'Notes', content: 'To limit how many promises run at the same time, give the number to the pool.' }, as);
      for (let i = 0; i < 3; i++) await aDocument(hive, { name: `other ${i}`, title: 'Promises', content: `Number ${i}: promises, promises, promises.` }, as);
      expect(found(await search({ query: 'limit promises that run at the same time', mode: 'text' }, as))[0]).toBe(answer.id);
    });

    it('finds in spite of a typo, and by a part of an identifier, and says which words nothing has', async () => {
      const as = tenant();
      const one = await aDocument(hive, { name: 'one', content: 'Autovacuum removes dead rows.' }, as);
      const two = await aDocument(hive, { name: 'two', format: 'code', content: 'export function resolveTenantOrThrow(id) {}' }, as);
      expect(await search({ query: 'autovaccum', mode: 'text' }, as)).toMatchObject({ items: [{ id: one.id }], unknownWords: ['autovaccum'] });
      expect(found(await search({ query: 'TenantOrThrow', mode: 'text' }, as))).toEqual([two.id]);
    });

    it('finds what is one edit away of a word that nothing has, beside the words that are known, and marks it', async () => {
      const as = tenant();
      const meant = await aDocument(hive, { name: 'meant', content: 'Autovacuum removes dead rows from the table.' }, as);
      for (let i = 0; i < 3; i++) await aDocument(hive, { name: `other ${i}`, content: 'Dead rows take room in a table until they are removed from the table.' }, as);
      for (const word of ['autovaccum', 'autovacum', 'autovaccuum', 'autovacuun', 'atuovacuum']) {
        const answer = await search({ query: `${word} of dead rows`, mode: 'text' }, as);
        expect([answer.unknownWords, found(answer)[0]]).toEqual([[word], meant.id]);
        const { excerpt, highlights } = answer.items[0]!;
        expect(highlights.map(({ start, end }) => excerpt.slice(start, end))).toContain('Autovacuum');
      }
    });

    it('guesses nothing from the words of another tenant, of operators, or from what is no word', async () => {
      const [as, other] = [tenant(), tenant()];
      await aDocument(hive, { name: 'theirs', content: 'Autovacuum removes dead rows.' }, other);
      await aDocument(hive, { name: 'own', content: 'Port 5432 is for dead rows. An axe.' }, as);
      for (const query of ['autovaccum', '"daed rows"']) expect(await search({ query, mode: 'text' }, as)).toMatchObject({ items: [] });
      for (const word of ['4532', 'axa', 'autovaccum']) {
        const { items, unknownWords } = await search({ query: `${word} dead`, mode: 'text' }, as);
        const [{ excerpt, highlights }] = items as [SearchItemDto];
        expect(highlights.map(({ start, end }) => excerpt.slice(start, end))).toEqual(['dead']);
        expect(unknownWords).toEqual(word.length < 4 ? [] : [word]);
      }
    });

    it('shows where: excerpt with highlights, heading and offsets of the piece', async () => {
      const as = tenant();
      const content = `# Guide\n\n${'Nothing to see here. '.repeat(100)}\n\n## Leases\n\nA lease <b>expires</b> unless it is renewed in time.\n`;
      const { id } = await aDocument(hive, { name: 'guide', title: 'The guide', content }, as);
      const [hit] = (await search({ query: 'lease renewed', mode: 'text' }, as)).items;
      expect(hit).toMatchObject({ kind: 'document', id, title: 'The guide', ranks: { text: 1 }, successRate: null, place: { heading: 'The guide > Guide > Leases', version: 1 } });
      expect(content.slice(hit!.place.startOffset, hit!.place.endOffset)).toContain('A lease <b>expires</b>');
      expect(hit!.highlights.map(({ start, end }) => hit!.excerpt.slice(start, end))).toEqual(expect.arrayContaining(['lease', 'renewed']));
      expect(hit!.parts).toMatchObject({ textScore: expect.any(Number), similarity: null, successWeight: 1 });
      const { body } = await hive.get<{ items: { id: string; content: string }[] }>(`/v1/knowledge/chunks?itemId=${id}`, as);
      expect(body.items.find((chunk) => chunk.id === hit!.place.chunkId)!.content).toBe(content.slice(hit!.place.startOffset, hit!.place.endOffset));
    });

    it('finds the current version of a document only, from the moment that it is there', async () => {
      const as = tenant();
      const { id } = await aDocument(hive, { name: 'd', content: 'It was about elephants.' }, as);
      await hive.post(`/v1/documents/${id}/versions`, { content: 'It is about giraffes.' }, as);
      expect(found(await search({ query: 'giraffes', mode: 'text' }, as))).toEqual([id]);
      expect(found(await search({ query: 'elephants', mode: 'text' }, as))).toEqual([]);
      await hive.patch(`/v1/documents/${id}`, { title: 'Savannah' }, { ...as, headers: { 'if-match': '*' } });
      expect((await search({ query: 'savannah', mode: 'text' }, as)).items).toMatchObject([{ id, title: 'Savannah' }]);
    });
  });

  describe('within bounds', () => {
    it('filters by category, tags, domain, type and agent, and refuses what nothing can have', async () => {
      const as = tenant();
      const agent = await anAgent(hive, as);
      const other = await anAgent(hive, as);
      const guide = await aDocument(hive, { name: 'g', category: 'guides', tags: ['ops', 'db'], content: 'zebra' }, as);
      const note = await aDocument(hive, { name: 'n', category: 'notes', content: 'zebra' }, as);
      const own = await aMemory(hive, { agentId: agent.id, domain: 'backend', knowledgeType: 'pattern', content: 'zebra' }, as);
      const all = await aMemory(hive, { domain: 'frontend', content: { about: 'zebra' } }, as);
      await embedAll(hive, as);
      for (const mode of ['text', 'vector', 'hybrid']) {
        const ids = async (more: object) => found(await search({ query: 'zebra', mode, ...more }, as)).sort();
        expect(await ids({})).toEqual([guide.id, note.id, own.id, all.id].sort());
        expect(await ids({ category: 'notes' })).toEqual([note.id]);
        expect(await ids({ tags: ['db'] })).toEqual([guide.id]);
        expect(await ids({ domain: 'backend' })).toEqual([own.id]);
        expect(await ids({ knowledgeType: 'fact' })).toEqual([all.id]);
        expect(await ids({ agentId: other.id })).toEqual([guide.id, note.id, all.id].sort());
        expect(await ids({ agentId: agent.id, domain: 'backend' })).toEqual([own.id]);
        expect(await ids({ limit: 1 })).toHaveLength(1);
      }
      expect(await search({ query: 'zebra', category: 'notes', domain: 'backend' }, as)).toMatchObject({ code: 'invalid', errors: [{ pointer: '/domain' }] });
    });

    it('never leaves what the caller may see, by words or by vectors [S5.26]', async () => {
      const as = tenant();
      const me = as.as as ReturnType<typeof principal>;
      const [one, other] = [await anAgent(hive, as), await anAgent(hive, as)];
      const [person, stranger] = [await aPerson(hive, me), await aPerson(hive, me)];
      const everybodys = (await aMemory(hive, { content: 'quokka' }, as)).id;
      const ones = (await aMemory(hive, { content: 'quokka', agentId: one.id }, as)).id;
      const persons = (await aMemory(hive, { content: 'quokka', userId: person.actor.id }, as)).id;
      await embedAll(hive, as);
      for (const mode of ['text', 'vector', 'hybrid']) {
        const ids = async (request: TestRequest) => found(await search({ query: 'quokka', mode }, request)).sort();
        expect(await ids(as)).toEqual([everybodys, ones, persons].sort());
        expect(await ids({ as: asAgent(one, me) })).toEqual([everybodys, ones].sort());
        expect(await ids({ as: asAgent(other, me) })).toEqual([everybodys]);
        expect(await ids({ as: person })).toEqual([everybodys, ones, persons].sort());
        expect(await ids({ as: stranger })).toEqual([everybodys, ones].sort());
        expect(await ids(tenant())).toEqual([]);
      }
      expect(await search({ query: 'quokka', agentId: one.id }, { as: asAgent(other, me) })).toMatchObject({ code: 'not-yours' });
    });

    it('answers as of a time: what was superseded since, and not what came later or has expired', async () => {
      const as = tenant();
      const first = await aMemory(hive, { content: 'narwhal one', validFrom: ago(100) }, as);
      const second = (await hive.post<{ id: string }>(`/v1/memories/${first.id}/successors`, { content: 'narwhal two', validFrom: ago(50) }, as)).body;
      const expired = await aMemory(hive, { content: 'narwhal three', validFrom: ago(100), expiresAt: ago(70) }, as);
      await aDocument(hive, { name: 'd', content: 'narwhal' }, as);
      const at = async (moment?: string) => found(await search({ query: 'narwhal', mode: 'text', ...(moment && { asOf: moment }) }, as));
      expect(await at(ago(75))).toEqual(expect.arrayContaining([first.id, expired.id]));
      expect(await at(ago(75))).toHaveLength(2);
      expect(await at(ago(60))).toEqual([first.id]);
      expect(await at()).toHaveLength(2);
      expect(await at()).toContain(second.id);
    });
  });

  describe('by nearness', () => {
    it('finds by parts of words, and fuses both rankings, each explained [S4.56, S4.159]', async () => {
      const as = tenant();
      const one = await aDocument(hive, { name: 'one', content: 'Reconnecting clients resume their subscriptions.' }, as);
      await aDocument(hive, { name: 'two', content: 'Bananas are yellow.' }, as);
      await embedAll(hive, as);
      const near = await search({ query: 'subscribed connection', mode: 'vector' }, as);
      expect(near).toMatchObject({ model: 'lexical-1536', degraded: null, items: [{ id: one.id, ranks: { vector: 1 }, parts: { textScore: null, similarity: expect.any(Number) } }] });
      const both = await search({ query: 'reconnecting clients' }, as);
      expect(both.items[0]).toMatchObject({ id: one.id, ranks: { text: 1, vector: 1 } });
      expect(both.items[0]!.score).toBeCloseTo(1.2 / 21, 10);
      const typo = await search({ query: 'reconnecting cleints' }, as);
      expect(typo).toMatchObject({ unknownWords: ['cleints'], items: [{ id: one.id, ranks: { text: 1, vector: 1 } }] });
      expect(typo.items[0]!.score).toBeCloseTo(2 / 21, 10);
    });

    it('takes a vector of the caller, and refuses one that is none of the model, naming both dimensions', async () => {
      const as = tenant();
      const model = (await hive.post<{ id: string }>('/v1/embedding-models', { name: 'own', dimensions: 3, provider: 'caller' }, as)).body;
      const [one, two] = [await aDocument(hive, { name: 'one', content: 'first' }, as), await aDocument(hive, { name: 'two', content: 'second' }, as)];
      const chunk = async (id: string) => (await hive.get<{ items: { id: string }[] }>(`/v1/knowledge/chunks?itemId=${id}`, as)).body.items[0]!.id;
      const items = [{ chunkId: await chunk(one.id), embedding: [1, 0, 0] }, { chunkId: await chunk(two.id), embedding: [0, 200_000, 1] }];
      expect((await hive.post(`/v1/embedding-models/${model.id}/embeddings`, { items }, as)).body).toEqual({ count: 2 });
      const near = (embedding: unknown, more: object = {}) => search({ query: 'x', mode: 'vector', embedding, model: 'own', ...more }, as);
      expect(found(await near([0.1, 1, 0]))).toEqual([two.id, one.id]);
      expect(await near([1, 2])).toMatchObject({ code: 'invalid', detail: 'embedding has 2 dimensions, and the model own has 3', errors: [{ pointer: '/embedding' }] });
      expect(await near([0, 0, 0])).toMatchObject({ code: 'invalid' });
      for (const embedding of [[1, null, 0], ['1', 0, 0], [1, [2], 3], 'x', []]) expect(await near(embedding)).toMatchObject({ code: 'invalid', errors: expect.arrayContaining([expect.objectContaining({ pointer: '/embedding' })]) });
      for (const text of ['1e400', 'NaN', '-Infinity']) {
        const raw = await hive.request('POST', '/v1/knowledge/search', { ...as, body: `{"query":"x","mode":"vector","model":"own","embedding":[${text},0,0]}` });
        expect([400, 422]).toContain(raw.status);
      }
      expect(await near([1, 0, 0], { model: 'other' })).toMatchObject({ code: 'not-found', detail: 'No embedding model with id other' });
      // Without a vector of the caller there is none of such a model: it answers by words, and says so.
      expect(await search({ query: 'first', model: 'own' }, as)).toMatchObject({ items: [{ id: one.id }], model: null, degraded: expect.stringContaining('callers') });
    });
  });

  it('goes by the model that is the default one now, and by none that is gone', async () => {
    const as = tenant();
    const aModel = async (name: string, dimensions = 3) => (await hive.post<{ id: string }>('/v1/embedding-models', { name, dimensions, provider: 'caller' }, as)).body.id;
    const models = [await aModel('a'), await aModel('b')];
    const documents = [await aDocument(hive, { content: 'first' }, as), await aDocument(hive, { content: 'second' }, as)].map(({ id }) => id);
    for (const [i, model] of models.entries()) {
      for (const [j, id] of documents.entries()) {
        const { body } = await hive.get<{ items: { id: string }[] }>(`/v1/knowledge/chunks?itemId=${id}`, as);
        await hive.post(`/v1/embedding-models/${model}/embeddings`, { items: [{ chunkId: body.items[0]!.id, embedding: i === j ? [1, 0.1, 0] : [0.1, 1, 0] }] }, as);
      }
    }
    const near = (more: object = {}) => search({ query: 'x', mode: 'vector', embedding: [1, 0, 0], ...more }, as);
    const [first, second] = [documents, [...documents].reverse()];
    for (let i = 0; i < 2; i++) expect([(await near()).model, found(await near())]).toEqual(['a', first]);
    await hive.request('PUT', `/v1/embedding-models/${models[1]}/default`, as);
    expect([(await near()).model, found(await near())]).toEqual(['b', second]);
    expect(found(await near({ model: 'a' }))).toEqual(first);
    await hive.request('DELETE', `/v1/embedding-models/${models[0]}`, as);
    const again = await aModel('a', 2);
    expect(await near({ model: 'a', embedding: [1, 0] })).toMatchObject({ items: [], model: 'a' });
    await hive.request('DELETE', `/v1/embedding-models/${again}`, as);
    expect(await near({ model: 'a', embedding: [1, 0] })).toMatchObject({ code: 'not-found' });
    expect(found(await near())).toEqual(second);
  });

  it('puts first what helped, and a report never weighs the wrong way', async () => {
    const as = tenant();
    const [one, two] = [await aMemory(hive, { content: 'capybara' }, as), await aMemory(hive, { content: 'capybara' }, as)];
    const use = (id: string, helpful: boolean) => hive.post('/v1/knowledge/usages', { itemId: id, helpful }, as);
    const order = async () => (await search({ query: 'capybara', mode: 'text' }, as)).items;
    await use(two.id, true);
    expect((await order()).map((item) => [item.id, item.parts.successWeight > 1])).toEqual([[two.id, true], [one.id, false]]);
    for (let i = 0; i < 3; i++) await use(two.id, false);
    for (let i = 0; i < 3; i++) await use(one.id, true);
    expect(await order()).toMatchObject([{ id: one.id, successRate: 1 }, { id: two.id, successRate: 0.25 }]);
    expect((await order())[1]!.parts.successWeight).toBeLessThan(1.01);
  });

  it('keeps questions that have no answer, once each', async () => {
    const as = tenant();
    const query = `where is ${newId().slice(0, 8)}zzz`;
    expect((await search({ query, mode: 'text' }, as)).items).toEqual([]);
    expect((await search({ query: `  ${query.toUpperCase()} ` }, as)).items).toEqual([]);
    const { body } = await hive.get<GapPage>('/v1/knowledge/gaps?total=true', as);
    expect(body).toMatchObject({ total: 1, items: [{ query, askedCount: 2, agentId: null }] });
    expect(await recorded(hive, body.items[0]!.id, as)).toEqual(['gap.found']);
    expect((await hive.get<GapPage>('/v1/knowledge/gaps', tenant())).body.items).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['no query', {}, '/query'],
    ['an empty query', { query: '' }, '/query'],
    ['white space', { query: ' \n ' }, '/query'],
    ['NUL', { query: 'a\0b' }, '/query'],
    ['half a surrogate pair', { query: 'a\ud800' }, '/query'],
    ['a query that is too long', { query: 'x'.repeat(2001) }, '/query'],
    ['an unknown mode', { query: 'x', mode: 'magic' }, '/mode'],
    ['a limit of nothing', { query: 'x', limit: 0 }, '/limit'],
    ['an unknown type', { query: 'x', knowledgeType: 'rumour' }, '/knowledgeType'],
    ['a moment that is none', { query: 'x', asOf: 'yesterday' }, '/asOf'],
  ])('refuses %s', async (_, body, pointer) => {
    expect(await search(body)).toMatchObject({ code: 'invalid', errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
  });

  it.each([`';--`, '\\', '"', "'", ':*', '!!!', '& | !', '<->', '%_', '-', '"unclosed', 'a:b:c', '漢字', '👻', '$1 $2', 'x'.repeat(2000), 'a '.repeat(900)].map((query) => [query.slice(0, 20), query]))('answers whatever is asked: %s', async (_, query) => {
    for (const mode of ['text', 'vector', 'hybrid']) expect((await hive.post('/v1/knowledge/search', { query, mode })).status).toBe(200);
  });

  it('embeds of a new version what is new: a chunk that says what it said keeps its vector, at its new place', async () => {
    const as = tenant();
    const section = (name: string) => `# ${name}\n\n${`Some words about ${name}. `.repeat(20)}`;
    const made = await aDocument(hive, { name: 'd', content: [section('wombats'), section('numbats'), section('numbats')].join('\n\n') }, as);
    const chunks = async () => (await hive.get<{ items: { id: string; position: number; startOffset: number; content: string }[] }>(`/v1/knowledge/chunks?itemId=${made.id}`, as)).body.items;
    const before = await chunks();
    expect(await embedAll(hive, as)).toBe(3);
    const content = [section('bilbies'), section('numbats'), section('numbats'), section('numbats')].join('\n\n');
    expect((await hive.post(`/v1/documents/${made.id}/versions`, { content }, as)).status).toBe(201);
    const after = await chunks();
    expect(after.map(({ position, startOffset, content: text }) => [position, content.startsWith(text, startOffset)])).toEqual([0, 1, 2, 3].map((position) => [position, true]));
    expect(after.slice(1, 3).map(({ id }) => id)).toEqual(before.slice(1).map(({ id }) => id));
    expect(await embedAll(hive, as)).toBe(2);
    expect(found(await search({ query: 'wombats', mode: 'text' }, as))).toEqual([]);
    expect(found(await search({ query: 'bilbies', mode: 'vector' }, as))).toEqual([made.id]);
  });

  it('is embedded in the background, and goes on where it was', async () => {
    const as = tenant();
    const content = Array.from({ length: 100 }, (_, i) => `# Section ${i}\n\n${'Some words about it. '.repeat(20)}`).join('\n\n');
    await aDocument(hive, { name: 'd', content }, as);
    const progress = async () => (await hive.get<{ items: { progress: object }[] }>('/v1/embedding-models', as)).body.items.map((model) => model.progress);
    const { tenantId } = as.as as ReturnType<typeof principal>;
    const embeddings = hive.app.get(EmbeddingsService, { strict: false });
    await runAs(hive.orm.em, servicePrincipal(tenantId, 'job:embeddings'), () => embeddings.work(AbortSignal.abort()));
    expect(await progress()).toEqual([{ embedded: 0, pending: 100, failed: 0 }]);
    await embedAll(hive, as);
    expect(await progress()).toEqual([{ embedded: 100, pending: 0, failed: 0 }]);
  });
});
