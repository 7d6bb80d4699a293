import { createHash } from 'node:crypto';
import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { DocumentDto, DocumentPage } from '../src/document/document.dto.js';
import type { DocumentDiffDto, DocumentVersionDto, DocumentVersionPage } from '../src/document/document-version.dto.js';
import { aDocument, knowledgeApp, recorded, type Answered } from './world.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('documents', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await knowledgeApp({ documentMaxBytes: 100_000 });
  });
  afterAll(() => hive.close());

  const addVersion = (id: string, content: string, more: object = {}, headers = {}) => hive.post<Answered<DocumentVersionDto>>(`/v1/documents/${id}/versions`, { content, ...more }, { headers });

  it('are stored with category, tags and text, and read back as they were given [S2.11, S2.70]', async () => {
    const content = '# Überschrift\r\n\r\nText with 👻 and trailing space \n';
    const made = await hive.post<DocumentDto>('/v1/documents', { name: 'guide/one.md', category: 'guides', content, tags: ['a', 'b'], documentMetadata: { source: 'test' } });
    expect(made).toMatchObject({ status: 201, body: { title: 'guide/one.md', format: 'markdown', currentVersion: 1, digest: sha256(content), sizeBytes: Buffer.byteLength(content), version: 1, usageCount: 0, successRate: null, lastUsedAt: null } });
    expect(made.headers.get('location')).toBe(`/v1/documents/${made.body.id}`);
    expect(made.headers.get('etag')).toBe('"1"');
    expect((await hive.get(`/v1/documents/${made.body.id}`)).body).toEqual({ ...made.body, content });
    expect(await recorded(hive, made.body.id)).toEqual(['document.created']);
  });

  it('get new versions that never change, each with its digest, and bring an old text back as a new one [S2.11]', async () => {
    const { id } = await aDocument(hive, { content: 'one\ntwo\n' });
    expect(await addVersion(id, 'one\nthree\n', { summary: 'three' })).toMatchObject({ status: 201, body: { documentId: id, number: 2, digest: sha256('one\nthree\n'), summary: 'three', restoredFrom: null, createdByName: 'test' } });
    expect(await addVersion(id, 'one\nthree\n')).toMatchObject({ status: 409, body: { code: 'unchanged', currentVersion: 2 } });
    expect(await hive.post(`/v1/documents/${id}/restorations`, { number: 1 })).toMatchObject({ status: 201, body: { number: 3, restoredFrom: 1, digest: sha256('one\ntwo\n') } });
    expect((await hive.get(`/v1/documents/${id}`)).body).toMatchObject({ currentVersion: 3, content: 'one\ntwo\n', version: 3 });
    expect((await hive.get<DocumentVersionDto>(`/v1/documents/${id}/versions/2`)).body.content).toBe('one\nthree\n');
    const { body } = await hive.get<DocumentVersionPage>(`/v1/documents/${id}/versions?limit=2&total=true`);
    expect([body.items.map((version) => version.number), body.total]).toEqual([[3, 2], 3]);
    expect(body.items[0]).not.toHaveProperty('content');
    expect((await hive.get<DocumentVersionPage>(`/v1/documents/${id}/versions?cursor=${body.nextCursor}`)).body.items.map((version) => version.number)).toEqual([1]);
    expect(await recorded(hive, id)).toEqual(['document.version_added', 'document.version_added', 'document.created']);
  });

  it('give one number to each of many that come at once', async () => {
    const { id } = await aDocument(hive);
    const made = await Promise.all(Array.from({ length: 10 }, (_, i) => addVersion(id, `text ${i}`)));
    expect(made.map(({ body }) => body.number).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('take a new version only on the one it builds on, when that is said', async () => {
    const { id } = await aDocument(hive);
    expect((await addVersion(id, 'x', {}, { 'if-match': '"7"' })).status).toBe(412);
    expect((await addVersion(id, 'x', {}, { 'if-match': '"1"' })).status).toBe(201);
    expect((await hive.post(`/v1/documents/${id}/restorations`, { number: 1 }, { headers: { 'if-match': '"1"' } })).status).toBe(412);
  });

  it('show how two versions differ', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`);
    const { id } = await aDocument(hive, { format: 'text', content: lines.join('\n') });
    await addVersion(id, lines.map((line) => (line === 'line 10' ? 'line ten' : line)).join('\n'));
    const { body } = await hive.get<DocumentDiffDto>(`/v1/documents/${id}/diff?from=1&to=2`);
    expect(body).toMatchObject({ documentId: id, from: 1, to: 2, addedLines: 1, removedLines: 1, hunks: [{ oldStart: 7, oldLines: 7, newStart: 7, newLines: 7 }] });
    expect(body.hunks[0]!.lines).toEqual([' line 7', ' line 8', ' line 9', '-line 10', '+line ten', ' line 11', ' line 12', ' line 13']);
    expect((await hive.get<DocumentDiffDto>(`/v1/documents/${id}/diff?from=2&to=2`)).body.hunks).toEqual([]);
    expect((await hive.get(`/v1/documents/${id}/diff`)).body).toEqual(body);
    expect((await hive.get(`/v1/documents/${id}/diff?from=one`)).status).toBe(422);
    expect((await hive.get<Answered<object>>(`/v1/documents/${id}/diff?from=1&to=9`)).body).toMatchObject({ code: 'not-found', detail: expect.stringContaining('9') });
  });

  it('are listed by category, name and tags, newest first, in pages', async () => {
    const category = newId();
    const made = [await aDocument(hive, { category, name: 'a', tags: ['x', 'y'] }), await aDocument(hive, { category, name: 'b', tags: ['x'] }), await aDocument(hive, { category, name: 'c' })];
    const names = async (query: string) => (await hive.get<DocumentPage>(`/v1/documents?category=${category}&${query}`)).body.items.map((document) => document.name);
    expect(await names('')).toEqual(['c', 'b', 'a']);
    expect(await names('name=b')).toEqual(['b']);
    expect(await names('tags=x')).toEqual(['b', 'a']);
    expect(await names('tags=x,y')).toEqual(['a']);
    const { body } = await hive.get<DocumentPage>(`/v1/documents?category=${category}&limit=2&total=true`);
    expect([body.items.length, body.total, body.items[0]!.id]).toEqual([2, 3, made[2]!.id]);
    expect(body.items[0]).not.toHaveProperty('content');
    expect(await names(`cursor=${body.nextCursor}`)).toEqual(['a']);
    expect((await hive.get<DocumentPage>('/v1/documents?tags=x', { as: principal() })).body.items).toEqual([]);
  });

  it('change what is said of them under their version, and are deleted with their versions', async () => {
    const { id, category } = await aDocument(hive, { name: 'taken' });
    const other = await aDocument(hive);
    expect((await hive.patch(`/v1/documents/${other.id}`, { title: 'T' })).status).toBe(428);
    const changed = await hive.patch<DocumentDto>(`/v1/documents/${other.id}`, { title: 'New title', tags: ['t'] }, { headers: { 'if-match': '"1"' } });
    expect(changed).toMatchObject({ status: 200, body: { title: 'New title', tags: ['t'], version: 2 } });
    expect((await hive.patch(`/v1/documents/${other.id}`, { title: 'Again' }, { headers: { 'if-match': '"1"' } })).status).toBe(412);
    expect(await hive.patch<Answered<DocumentDto>>(`/v1/documents/${other.id}`, { name: 'taken', category }, { headers: { 'if-match': '*' } })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await hive.delete(`/v1/documents/${id}`, { headers: { 'if-match': '"1"' } })).status).toBe(204);
    expect((await hive.get(`/v1/documents/${id}`)).status).toBe(404);
    expect((await hive.get(`/v1/documents/${id}/versions`)).status).toBe(404);
    expect(await recorded(hive, id)).toEqual(['document.cascaded', 'document.deleted', 'document.created']);
  });

  it('refuse what cannot be one', async () => {
    const attempt = async (body: object) => {
      const answer = await hive.post<Answered<object>>('/v1/documents', { name: newId(), category: 'c', content: 'x', ...body });
      return [answer.status, answer.body.code, answer.body.errors?.[0]?.pointer];
    };
    expect(await attempt({ content: '' })).toEqual([422, 'invalid', '/content']);
    expect(await attempt({ content: ' \n\t' })).toEqual([422, 'invalid', '/content']);
    expect(await attempt({ content: 'a\0b' })).toEqual([422, 'invalid', '/content']);
    expect(await attempt({ content: 'a\ud800b' })).toEqual([422, 'invalid', '/content']);
    expect(await attempt({ content: 7 })).toEqual([422, 'invalid', '/content']);
    expect(await attempt({ format: 'pdf' })).toEqual([422, 'invalid', '/format']);
    expect(await attempt({ tags: ['a', 'a'] })).toEqual([422, 'invalid', '/tags']);
    expect(await attempt({ documentMetadata: [] })).toEqual([422, 'invalid', '/documentMetadata']);
    const { name } = await aDocument(hive);
    expect(await attempt({ name, category: 'guides' })).toEqual([409, 'conflict', undefined]);
    const notUtf8 = await hive.request('POST', '/v1/documents', { body: Buffer.concat([Buffer.from('{"name":"n","category":"c","content":"'), Buffer.from([0xff]), Buffer.from('"}')]) });
    expect(notUtf8.status).toBe(400);
  });

  it('refuse a text that is larger than configured, naming the limit, and a body that no text can need', async () => {
    const large = await hive.post<Answered<object>>('/v1/documents', { name: 'large', category: 'c', content: 'ä'.repeat(50_001) });
    expect(large).toMatchObject({ status: 422, body: { errors: [{ pointer: '/content', message: 'content must have at most 100000 bytes as UTF-8, and has 100002' }] } });
    const { id } = await aDocument(hive);
    expect((await addVersion(id, 'x'.repeat(100_001))).status).toBe(422);
    const beyond = await hive.post<Answered<object>>('/v1/documents', { name: 'large', category: 'c', content: 'x'.repeat(17 * 1024 * 1024) });
    expect(beyond).toMatchObject({ status: 413, body: { limitBytes: 16 * 1024 * 1024 } });
  });

  it("are the tenant's own", async () => {
    const { id } = await aDocument(hive);
    const stranger = { as: principal() };
    for (const path of ['', '/versions', '/versions/1', '/diff?from=1&to=1']) expect((await hive.get(`/v1/documents/${id}${path}`, stranger)).status).toBe(404);
    expect((await hive.post(`/v1/documents/${id}/versions`, { content: 'x' }, stranger)).status).toBe(404);
    expect((await hive.post(`/v1/documents/${id}/restorations`, { number: 1 }, stranger)).status).toBe(404);
    expect((await hive.delete(`/v1/documents/${id}`, { ...stranger, headers: { 'if-match': '*' } })).status).toBe(404);
  });
});
