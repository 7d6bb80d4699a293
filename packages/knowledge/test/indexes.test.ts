import { newId, runAs, type Principal, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { selectChunks } from '../src/chunk/chunk.sql.js';
import { selectDocument, selectDocuments, selectVersion, selectVersions } from '../src/document/document.sql.js';
import { selectPending } from '../src/embedding/embedding.sql.js';
import { selectModel, selectModels, selectWorkingModels } from '../src/embedding/embedding-model.sql.js';
import { lexicalVector } from '../src/embedding/lexical-embedder.js';
import { vectorText } from '../src/embedding/vector.js';
import { countMemoriesOfAgent, deleteMemoriesOfUser, selectMemories, selectMemory } from '../src/memory/memory.sql.js';
import { selectGaps } from '../src/search/gap.sql.js';
import type { SearchResultDto } from '../src/search/search.dto.js';
import { selectHits } from '../src/search/search.sql.js';
import { selectItem, selectUsages } from '../src/usage/usage.sql.js';
import { anAgent, aPerson, asAgent, found, knowledgeApp } from './world.js';

const ITEMS = 6_000;
const NOBODY = { agentId: null, userId: null };

describe('the indexes of knowledge, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let agent: string;
  let person: string;
  const [document, model, small, needle] = [newId(), newId(), newId(), newId()];
  const needleText = 'Needles are found in haystacks by magnets.';
  const farFromNeedle = lexicalVector(needleText, 1536).map((value) => -value);
  const memories: Record<'agent' | 'user' | 'everybody', string[]> = { agent: [], user: [], everybody: [] };
  const run = <T extends object>(statement: string) => hive.database.execute<T>(hive.orm, statement);

  beforeAll(async () => {
    hive = await knowledgeApp();
    agent = (await anAgent(hive)).id;
    person = (await aPerson(hive)).actor.id;
    const mine = hive.me.tenantId;
    const tenants = `(values ('${mine}'::uuid), ('${newId()}'::uuid)) t(id)`;
    const rows = `${tenants}, generate_series(1, ${ITEMS}) n`;
    const isMine = `t.id = '${mine}'`;
    await run(`insert into knowledge.document (tenant_id, id, name, title, category, format, tags, document_metadata, current_version, created_at, updated_at)
      select t.id, case when n = 7 and ${isMine} then '${document}'::uuid else gen_random_uuid() end, 'name ' || n, 't', case when n % 100 = 1 then 'rare' else 'common' end, 'text', case when n % 50 = 1 then '["rare"]'::jsonb else '["common"]' end, '{}', 1, now(), now() from ${rows}`);
    await run(`insert into knowledge.document_version (tenant_id, document_id, number, content, digest, size_bytes, token_count, created_by_name, created_at) select tenant_id, id, 1, 'x', repeat('0', 64), 1, 1, 'test', now() from knowledge.document`);
    await run(`insert into knowledge.memory (tenant_id, id, agent_id, user_id, knowledge_type, domain, content, read_mode, access, valid_from, lineage_id, created_at, updated_at)
      select t.id, gen_random_uuid(), case when ${isMine} and n % 100 = 1 then '${agent}'::uuid end, case when ${isMine} and n % 200 = 2 then '${person}'::uuid end, case when n % 100 = 3 then 'pattern' else 'fact' end, case when n % 100 = 4 then 'rare' else 'common' end, '"x"', 'tool_call', 'write', now() - interval '1 day', gen_random_uuid(), now(), now() from ${rows}`);
    await run(`insert into knowledge.chunk (tenant_id, id, document_id, position, heading, content, start_offset, end_offset, token_count, created_at)
      select tenant_id, case when id = '${document}' then '${needle}'::uuid else gen_random_uuid() end, id, 0, 't', case when id = '${document}' then '${needleText}' else 'Some words about ' || md5(id::text) end, 0, 1, 1, now() from knowledge.document`);
    await run(`insert into knowledge.chunk (tenant_id, id, memory_id, position, heading, content, start_offset, end_offset, token_count, created_at) select tenant_id, gen_random_uuid(), id, 0, 't', 'A thought on ' || md5(id::text), 0, 1, 1, now() from knowledge.memory`);
    await run(`insert into knowledge.embedding_model (tenant_id, id, name, dimensions, provider, is_default, created_at) values ('${mine}', '${model}', 'm', 1536, 'lexical', true, now())`);
    await run(`insert into knowledge.pending_embedding (tenant_id, model_id, chunk_id, attempts) select tenant_id, '${model}', id, 5 from knowledge.chunk where tenant_id = '${mine}' and memory_id is not null`);
    await run(`insert into knowledge.embedding_model (tenant_id, id, name, dimensions, provider, is_default, created_at) values ('${mine}', '${small}', 's', 3, 'caller', false, now())`);
    await run(`insert into knowledge.embedding (tenant_id, chunk_id, model_id, item_kind, item_id, dimensions, embedding, created_at) select tenant_id, id, '${small}', case when document_id is null then 'memory' else 'document' end, coalesce(document_id, memory_id), 3, '[1,0,0]', now() from knowledge.chunk where tenant_id = '${mine}'`);
    // Vectors of a few, all over the place, are enough: items that a filter leaves are more than 5,000, so the graph is walked.
    const chunks = await run<{ id: string; document_id: string; content: string }>(`select id, document_id, content from knowledge.chunk where tenant_id = '${mine}' and document_id is not null order by id = '${needle}' desc, id limit 300`);
    const values = chunks.map(({ id, document_id: of, content }) => `('${mine}', '${id}', '${model}', 'document', '${of}', 1536, '${vectorText(lexicalVector(id === needle ? content : id, 1536))}', now())`);
    for (let i = 0; i < values.length; i += 50) await run(`insert into knowledge.embedding (tenant_id, chunk_id, model_id, item_kind, item_id, dimensions, embedding, created_at) values ${values.slice(i, i + 50).join(', ')}`);
    // Two of an agent, two of a user and two of everybody, as far from the needle as can be.
    for (const [of, condition] of [['agent', 'agent_id is not null'], ['user', 'user_id is not null'], ['everybody', 'agent_id is null and user_id is null']] as const) {
      const owned = await run<{ id: string }>(`select id from knowledge.memory where tenant_id = '${mine}' and ${condition} order by id limit 2`);
      memories[of] = owned.map(({ id }) => id);
      await run(`insert into knowledge.embedding (tenant_id, chunk_id, model_id, item_kind, item_id, dimensions, embedding, created_at)
        select tenant_id, id, '${model}', 'memory', memory_id, 1536, '${vectorText(farFromNeedle)}', now() from knowledge.chunk where tenant_id = '${mine}' and memory_id in (${memories[of].map((id) => `'${id}'`).join(', ')})`);
    }
    await run(`insert into knowledge.usage (tenant_id, id, item_kind, item_id, agent_id, task_id, helpful, created_at) select t.id, gen_random_uuid(), 'document', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), true, now() from ${rows}`);
    await run(`insert into knowledge.gap (tenant_id, id, digest, query, asked_count, first_asked_at, last_asked_at) select t.id, gen_random_uuid(), md5(n::text) || md5(n::text), 'q', 1, now(), now() from ${rows}`);
    for (const table of ['document', 'document_version', 'memory', 'chunk', 'embedding', 'pending_embedding', 'usage', 'gap']) await run(`vacuum (analyze) knowledge.${table}`);
  });
  afterAll(() => hive.close());

  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work));
  const page = { limit: 20 };

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['a document', 'document_pkey', (db) => selectDocument(db, document)],
    ['the newest documents', 'document_pkey', (db) => selectDocuments(db, page, undefined)],
    ['those of a category', 'document_category_index', (db) => selectDocuments(db, { ...page, category: 'rare' }, undefined)],
    ['those of a name', 'document_name_index', (db) => selectDocuments(db, { ...page, name: 'name 7' }, undefined)],
    ['one of a category and a name', 'document_name_index', (db) => selectDocuments(db, { ...page, category: 'common', name: 'name 7' }, undefined)],
    ['versions', 'document_version_pkey', (db) => selectVersions(db, document, 20, 1000)],
    ['one version', 'document_version_pkey', (db) => selectVersion(db, document, 1)],
    ['chunks of a document', 'chunk_document_index', (db) => selectChunks(db, { kind: 'document', id: document }, 20, -1)],
    ['chunks of a memory', 'chunk_memory_index', (db) => selectChunks(db, { kind: 'memory', id: document }, 20, -1)],
    ['a memory', 'memory_pkey', (db) => selectMemory(db, document)],
    ['the newest memories', 'memory_pkey', (db) => selectMemories(db, page, NOBODY, undefined)],
    ['those of a user', 'memory_user_index', (db) => selectMemories(db, { ...page, userId: person }, NOBODY, undefined)],
    ['those of a domain', 'memory_domain_index', (db) => selectMemories(db, { ...page, domain: 'rare' }, NOBODY, undefined)],
    ['those of a type', 'memory_knowledge_type_index', (db) => selectMemories(db, { ...page, knowledgeType: 'pattern' }, NOBODY, undefined)],
    ['those of a chain', 'memory_lineage_index', (db) => selectMemories(db, { ...page, lineageId: document }, NOBODY, undefined)],
    ['how many an agent has', 'memory_agent_index', (db) => countMemoriesOfAgent(db, agent)],
    ['those that go with a user', 'memory_user_index', (db) => deleteMemoriesOfUser(db, person)],
    ['an item', 'memory_pkey', (db) => selectItem(db, document)],
    ['the newest uses', 'usage_pkey', (db) => selectUsages(db, page, undefined)],
    ['uses of an item', 'usage_item_index', (db) => selectUsages(db, { ...page, itemId: document }, undefined)],
    ['uses by an agent', 'usage_agent_index', (db) => selectUsages(db, { ...page, agentId: agent }, undefined)],
    ['uses for a task', 'usage_task_index', (db) => selectUsages(db, { ...page, taskId: document }, undefined)],
    ['the newest gaps', 'gap_pkey', (db) => selectGaps(db, page, undefined)],
    ['what is to be embedded', 'pending_embedding_next_index', (db) => selectPending(db, model, 64)],
  ])('%s: %s, and no table is scanned', async (_, index, work) => {
    const all = await plans(work);
    expect(all.flatMap((plan) => plan.indexes)).toContain(index);
    expect(all.flatMap((plan) => plan.scanned).filter((table) => table !== 'embedding_model')).toEqual([]);
  });

  it.each<[string, (db: Sql) => Promise<unknown>]>([
    ['one', (db) => selectModel(db, { name: 'm' })],
    ['all', (db) => selectModels(db, page, undefined)],
    ['those at work', (db) => selectWorkingModels(db, new Date())],
  ])('models are few: %s', async (_, work) => {
    expect((await plans(work)).flatMap((plan) => plan.tables)).toContain('embedding_model');
  });

  it('hits: by primary keys, and no index is read from one end of the tenant to the other', async () => {
    const nearTo = { vector: lexicalVector(needleText, 1536), modelId: model, byDefault: true, isLarge: false, similarityMin: 0.1, weight: 0.2 };
    const [plan] = await plans((db) => selectHits(db, { query: 'needles', byText: true, nearTo, filter: { at: new Date(), kinds: ['document', 'memory'] }, limit: 10 }));
    const { indexes, walked, scanned } = plan!;
    const ofItems = (names: string[]) => names.filter((name) => !name.startsWith('embedding_model'));
    expect([ofItems(indexes), ofItems(walked), ofItems(scanned)]).toEqual([['chunk_pkey', 'document_pkey', 'memory_pkey'], [], []]);
  });

  describe('inside the functions that may', () => {
    /** The plan of a statement that a function assembles, by its place among them. */
    async function planOf(signature: string, which: number, filter: object, values: Record<string, string>): Promise<string> {
      const [source] = await run<{ text: string }>(`select prosrc as text from pg_proc where oid = '${signature}'::regprocedure`);
      const [conditions] = await run<{ documents: string | null; memories: string | null }>(`select knowledge.reach('document', '${JSON.stringify(filter)}') as documents, knowledge.reach('memory', '${JSON.stringify(filter)}') as memories`);
      const { documents } = conditions!;
      const isVector = signature.includes('vector');
      const reach = isVector
        ? `e.item_kind = 'document' and exists (select from knowledge.document d where d.tenant_id = e.tenant_id and d.id = e.item_id and ${documents})`
        : documents === 'true' ? 'c.document_id is not null' : `exists (select from knowledge.document d where d.tenant_id = c.tenant_id and d.id = c.document_id and ${documents})`;
      const items = `select d.id from knowledge.document d where d.tenant_id = $1 and ${documents}`;
      const template = source!.text.split('$q$')[which * 2 - 1]!;
      const all: Record<string, string> = { $1: `'${hive.me.tenantId}'::uuid`, $2: `'${JSON.stringify(filter)}'::jsonb`, ...values };
      const statement = template
        .replaceAll('%1$s', reach)
        .replace('%s', isVector && which !== 2 ? items : reach)
        .replaceAll('%%', '%')
        .replaceAll(/\$\d+/g, (parameter) => all[parameter]!);
      return hive.orm.em.getConnection().transactional(async (tx) => {
        // As the function has it set.
        await hive.orm.em.getConnection().execute('set local enable_sort = off', [], 'run', tx);
        const rows = await hive.orm.em.getConnection().execute<{ 'QUERY PLAN': string }[]>(`explain ${statement}`, [], 'all', tx);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      });
    }
    const at = { at: new Date().toISOString(), kinds: ['document'] };
    const vector = `'${vectorText(lexicalVector(needleText, 1536))}'::halfvec`;
    const words = { $3: `'needl | magnet'::tsquery`, $4: `array['needl'::tsquery]`, $5: 'array[1.0::float8]', $6: `array['haystakc']`, $7: '2.0::float8', $8: '50', $9: `array['haystakc']`, $10: `'haystack'::tsquery` };

    it('words and trigrams: chunk_words_index, chunk_content_index', async () => {
      const plan = await planOf('knowledge.text_candidates(text, jsonb, int)', 1, at, words);
      expect(plan).toMatch(/Bitmap Index Scan on chunk_words_index.*\n *Index Cond: .*words @@/);
      expect(plan).toMatch(/Bitmap Index Scan on chunk_content_index.*\n *Index Cond: .*content %> /);
    });

    const NEAREST = { signature: 'knowledge.vector_candidates(halfvec, uuid, jsonb, int)', variables: { tenant: 'uuid', filter: 'jsonb', wanted: 'halfvec', model: 'uuid', most: 'int', kept: 'uuid[]' } };
    const WORDS = { signature: 'knowledge.text_candidates(text, jsonb, int)', variables: { tenant: 'uuid', word: 'text', term: 'tsquery' } };
    const valueOf: Record<string, () => string> = {
      tenant: () => `'${hive.me.tenantId}'`, filter: () => `'${JSON.stringify(at)}'`, wanted: () => vector, model: () => `'${model}'`, most: () => '50', kept: () => `'{}'`, word: () => `'needel'`, term: () => `'needl | magnet'`,
    };

    /** The plan of a statement that stands in a function as it is, whatever its values. */
    async function standing(pattern: RegExp, before = '', of: { signature: string; variables: Record<string, string> } = NEAREST): Promise<string> {
      const [source] = await run<{ text: string }>(`select prosrc as text from pg_proc where oid = '${of.signature}'::regprocedure`);
      const found = before + pattern.exec(source!.text)![1]!;
      const variables = Object.keys(of.variables);
      const statement = variables.reduce((text, variable, i) => text.replaceAll(new RegExp(`\\b${variable}\\b`, 'g'), `$${i + 1}`), found);
      return hive.orm.em.getConnection().transactional(async (tx) => {
        const execute = (text: string) => hive.orm.em.getConnection().execute<{ 'QUERY PLAN': string }[]>(text, [], 'all', tx);
        for (const setting of ['enable_sort = off', 'plan_cache_mode = force_generic_plan']) await execute(`set local ${setting}`);
        await execute(`prepare standing(${Object.values(of.variables).join(', ')}) as ${statement}`);
        const rows = await execute(`explain execute standing(${variables.map((variable) => valueOf[variable]!()).join(', ')})`);
        await execute('deallocate standing');
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      });
    }

    it('how many have a word, and what is an edit away of one that nothing has: chunk_words_index', async () => {
      for (const plan of [await standing(/into known (from [^;]*);/, 'select count(*) ', WORDS), await standing(/into term\s+(from [^;]*);/, 'select guess ', WORDS)]) {
        expect(plan).toMatch(/Bitmap Index Scan on chunk_words_index.*\n *Index Cond: .*words @@/);
        expect(plan).not.toContain('Seq Scan');
      }
    });

    it('few: the items of the filter by document_category_index or document_tags_index, and their vectors by embedding_item_index', async () => {
      const signature = 'knowledge.vector_candidates(halfvec, uuid, jsonb, int)';
      for (const which of [1, 3]) {
        const of = (filter: object) => planOf(signature, which, { ...at, ...filter }, { $3: `'[1,0,0]'::halfvec`, $4: `'${small}'::uuid`, $5: '50' });
        expect(await of({ category: 'rare' })).toMatch(/document_category_(index|name_unique)/);
        expect(await of({ tags: ['rare'] })).toMatch(/document_tags_index/);
        expect(await of({ category: 'rare' })).not.toContain('Seq Scan');
      }
      const byCategory = await standing(/into kept (from [^;]*d\.category [^;]*);/, 'select * ');
      expect(byCategory).toMatch(/Index.* Scan using document_category_(index|name_unique).*\n *Index Cond: .*category = /);
      const byTags = await standing(/into kept (from [^;]*d\.tags [^;]*);/, 'select * ');
      expect(byTags).toMatch(/Bitmap Index Scan on document_tags_index.*\n *Index Cond: .*tags @> /);
      const compared = await standing(/return query\s+(select [^;]*unnest\(kept[^;]*);/);
      expect(compared).toMatch(/Index Scan using embedding_item_index.*\n *Index Cond: .*item_id = /);
      const counted = await standing(/perform (from unnest[^;]*);/, 'select ');
      expect(counted).toMatch(/Index Only Scan using embedding_item_index.*\n *Index Cond: .*item_id = /);
      for (const plan of [byCategory, byTags, compared, counted]) expect(plan).not.toContain('Seq Scan');
    });

    it('many: embedding_1536_index in the order of nearness, and their number by embedding_item_index', async () => {
      const plan = await planOf('knowledge.vector_candidates(halfvec, uuid, jsonb, int)', 2, at, { $3: vector, $4: `'${model}'::uuid`, $5: '50' });
      for (const each of [plan, await standing(/into chunk_ids, item_ids, distances (from [^;]*);/, 'select * ')]) expect(each).toMatch(/Index Scan using embedding_1536_index.*\n *Order By: .*<=>/);
      expect(await standing(/perform (from knowledge[^;]*);/, 'select ')).toMatch(/Index Only Scan using embedding_item_index/);
    });

    it('what the graph does not lead to is found by comparing all', async () => {
      const filter = JSON.stringify({ ...at, kinds: ['memory'] });
      const rows = await hive.orm.em.getConnection().transactional(async (tx) => {
        // The walk ends where it began: among documents.
        for (const setting of ['role = hive_app', `app.tenant_id = '${hive.me.tenantId}'`, 'hnsw.max_scan_tuples = 1']) await hive.orm.em.getConnection().execute(`set local ${setting}`, [], 'run', tx);
        return hive.orm.em.getConnection().execute<{ distance: number; exact: boolean }[]>(`select distance, exact from knowledge.vector_candidates(${vector}, '${model}', '${filter}', 50)`, [], 'all', tx);
      });
      expect(rows).toEqual(Array(6).fill({ distance: expect.closeTo(2, 2), exact: true }));
    });

    it('tags of a list: document_tags_index', async () => {
      const [source] = await run<{ text: string }>(`select prosrc as text from pg_proc where oid = 'knowledge.tagged(jsonb)'::regprocedure`);
      const rows = await run<{ 'QUERY PLAN': string }>(`explain ${source!.text.replaceAll(`nullif(current_setting('app.tenant_id', true), '')::uuid`, `'${hive.me.tenantId}'::uuid`).replace('wanted', `'["rare"]'::jsonb`)}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('Bitmap Index Scan on document_tags_index');
    });

    it('show another tenant and no tenant nothing', async () => {
      const calls = [`knowledge.text_candidates('needles', '${JSON.stringify(at)}', 50)`, `knowledge.vector_candidates(${vector}, '${model}', '${JSON.stringify(at)}', 50)`, `knowledge.tagged('["rare"]')`];
      const count = (call: string, tenant: string) => hive.orm.em.getConnection().transactional(async (tx) => {
        await hive.orm.em.getConnection().execute('set local role hive_app', [], 'run', tx);
        await hive.orm.em.getConnection().execute(`set local app.tenant_id = '${tenant}'`, [], 'run', tx);
        const [row] = await hive.orm.em.getConnection().execute<{ n: string }[]>(`select count(*) as n from ${call}`, [], 'all', tx);
        return Number(row!.n);
      });
      for (const call of calls) expect([call, await count(call, hive.me.tenantId), await count(call, newId()), await count(call, '')]).toEqual([call, expect.any(Number), 0, 0]);
      expect(await count(calls[0]!, hive.me.tenantId)).toBeGreaterThan(0);
      expect(await count(calls[1]!, hive.me.tenantId)).toBeGreaterThan(0);
    });
  });

  it('the nearest is found by the index among many and by comparing all among few, and words find it too', async () => {
    const search = async (body: object) => (await hive.post<SearchResultDto>('/v1/knowledge/search', { query: 'needles in haystacks', limit: 3, ...body })).body;
    for (const mode of ['text', 'vector', 'hybrid']) for (const more of [{}, { category: 'common' }, { category: 'common', tags: ['common'] }]) expect(found(await search({ mode, ...more }))[0]).toBe(document);
    expect(found(await search({ mode: 'text', category: 'rare' }))).toEqual([]);
  });

  it('among many too, only what the caller may see is found [S5.26]', async () => {
    const near = async (as: Principal) => {
      const { body } = await hive.post<SearchResultDto>('/v1/knowledge/search', { query: 'x', mode: 'vector', embedding: farFromNeedle, limit: 10 }, { as });
      return body.items.filter(({ kind }) => kind === 'memory').map(({ id }) => id).sort();
    };
    const [stranger, other] = [await anAgent(hive), await aPerson(hive)];
    // Of two searches, the second knows from the first that they are many.
    for (let i = 0; i < 2; i++) {
      expect(await near(hive.me)).toEqual([...memories.agent, ...memories.user, ...memories.everybody].sort());
      expect(await near(asAgent({ id: agent }, hive.me))).toEqual([...memories.agent, ...memories.everybody].sort());
      expect(await near(asAgent(stranger, hive.me))).toEqual(memories.everybody);
      expect(await near({ ...hive.me, actor: { type: 'user', id: person, name: 'person' } })).toEqual([...memories.agent, ...memories.user, ...memories.everybody].sort());
      expect(await near(other)).toEqual([...memories.agent, ...memories.everybody].sort());
    }
  });
});
