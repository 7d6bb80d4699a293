import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ArchivesService } from '@agent-hive/audit';
import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { newDirectory, removeDirectories, retentionApp, Tenant } from './retention-world.js';

interface Receipt {
  id: string;
  changed: number;
  stores: { table: string; erased: number; blanked: number; kept: number; reason: string | null }[];
}

/** Where the id of somebody who is erased stays, as a pseudonym: what the log says for ever, and the proof of the erasure. */
const PSEUDONYMS = ['audit.leaf.subject_id', 'audit.entry.subject_id', 'audit.erasure.subject_id'];

describe('erasure', () => {
  let hive: TestApp;
  const directory = newDirectory();
  beforeAll(async () => {
    hive = await retentionApp({ HIVE_ARCHIVE_DIR: directory });
  });
  afterAll(async () => {
    await hive.close();
    removeDirectories();
  });

  /** `schema.table.column` of every text, JSON and uuid column in which the tenant has one of the texts. */
  async function residue(tenant: Tenant, texts: readonly string[]): Promise<string[]> {
    const columns = await tenant.rows<{ table: string; column: string }>(`
      select n.nspname || '.' || c.relname as "table", a.attname as "column" from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' join pg_attribute a on a.attrelid = c.oid and a.attnum > 1 and not a.attisdropped
       where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not like 'pg\\_%' and format_type(a.atttypid, null) in ('text', 'uuid', 'json', 'jsonb', 'inet') order by 1, 2`);
    expect(columns.length).toBeGreaterThan(200);
    const found: string[] = [];
    for (const { table, column } of columns) {
      const any = texts.map((text) => `position('${text.toLowerCase()}' in lower("${column}"::text)) > 0`).join(' or ');
      const [row] = await tenant.rows<{ found: boolean }>(`select exists (select from ${table} where tenant_id = 'TENANT' and (${any})) as found`);
      if (row!.found) found.push(`${table}.${column}`);
    }
    return found;
  }

  /** A user who has left something in every domain. */
  async function aUser(tenant: Tenant) {
    const tag = newId();
    const [email, phoneNumber, name] = [`ada-${tag}@example.com`, '+49 30 901820-11', `Ada ${tag}`];
    const user = await tenant.made('/v1/users', { email, name, phoneNumber, userData: { nick: tag } });
    const agent = await tenant.made('/v1/agents', { name: 'helper', type: 'general-purpose' });
    await tenant.put(`/v1/users/${user.id}/preferences/ui`, { preferences: { greeting: `Hello ${name}` } });
    await tenant.made('/v1/api-keys', { name: `key of ${tag}`, scopes: ['agents:read'], userId: user.id });
    const session = await tenant.made('/v1/sessions', { userId: user.id, agentId: agent.id, name: `With ${name}`, context: { customer: email } });
    await tenant.made(`/v1/sessions/${session.id}/messages`, { role: 'user', content: `I am ${name}, write to ${email}` });
    await tenant.messages(session.id, [100, 110], `I was ${email}`);
    await tenant.made('/v1/memories', { userId: user.id, knowledgeType: 'fact', domain: 'people', content: `${name} likes tea` });
    await tenant.post('/v1/notifications', { userId: user.id, kind: 'message', title: `For ${name}` });
    // What the user did himself.
    const as = principal({ tenantId: tenant.me.tenantId, actor: { type: 'user', id: user.id, name: email } });
    const question = await tenant.made('/v1/interactions', { type: 'clarification_request', content: 'Who are you?' });
    expect((await hive.post(`/v1/interactions/${question.id}/response`, { status: 'answered', response: { name } }, { as })).status).toBeLessThan(300);
    const project = await tenant.made('/v1/projects', { name: 'p' });
    expect((await hive.put(`/v1/projects/${project.id}/state`, { state: 'active' }, { as })).status).toBe(200);
    expect((await hive.patch(`/v1/users/${user.id}`, { name: `${name} the second` }, { as, headers: { 'if-match': '"1"', 'idempotency-key': newId() } })).status).toBe(200);
    await hive.post(`/v1/agents/${agent.id}/heartbeat`, { status: 'active' }, { as });
    await hive.post('/v1/documents', { name: tag.slice(0, 8), category: 'c', content: 'text' }, { as });
    const does = async (method: 'post' | 'put' | 'delete', path: string, body: object = {}): Promise<{ id: string; interactionId: string; outcome: string; authorization: { interactionId: string } }> => {
      const answer = await hive[method]<Awaited<ReturnType<typeof does>>>(path, method === 'delete' ? { as, body } : body, ...(method === 'delete' ? [] : [{ as }]));
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    };
    const trust = `/v1/agents/${agent.id}/trust`;
    await does('put', '/v1/trust-policies', { preset: 'conservative' });
    await does('post', `${trust}/overrides`, { level: 'L1', reason: 'starts', expiresAt: '2999-01-01T00:00:00Z' });
    const freeze = await does('post', `${trust}/freezes`, { reason: 'holiday' });
    await does('delete', `${trust}/freezes/${freeze.id}`);
    await does('post', `${trust}/freezes`, { reason: 'again' });
    await does('post', `/v1/agents/${agent.id}/incidents`, { severity: 'low', description: 'slow' });
    const decision = { decisionType: 'review', risk: 'high', inputContext: { diff: 1 }, actionTaken: { merge: true }, decisionRationale: 'small diff' };
    const asked = await tenant.made(`/v1/sessions/${session.id}/decisions`, decision) as Awaited<ReturnType<typeof does>>;
    await does('post', `/v1/interactions/${asked.authorization.interactionId}/response`, { status: 'approved' });
    const allowed = await tenant.made(`/v1/sessions/${session.id}/decisions`, decision);
    await does('put', `/v1/decisions/${allowed.id}/feedback`, { feedback: 'approved', comment: `fine, says ${name}` });
    await does('post', '/v1/emergency-stop', { reason: 'smoke' });
    await does('delete', '/v1/emergency-stop');
    const elsewhere = await tenant.made('/v1/sessions', {});
    const hold = await does('post', '/v1/legal-holds', { subjectType: 'session', subjectId: elsewhere.id, reason: 'a lawsuit' });
    await does('delete', `/v1/legal-holds/${hold.id}`, { reason: 'settled' });
    const gone = await tenant.made('/v1/users', { email: `${newId()}@example.com` });
    await tenant.seal();
    await does('post', '/v1/erasures', { userId: gone.id });
    return { ...user, session, agent, texts: [user.id, email, name, phoneNumber, tag] };
  }

  it('of a user leaves no trace in any column or archive but a pseudonym, and the log still verifies', async () => {
    const tenant = new Tenant(hive);
    const user = await aUser(tenant);
    await tenant.post('/v1/retention-runs', {});
    await tenant.seal();
    expect((await residue(tenant, user.texts)).length).toBeGreaterThan(15);
    expect(await tenant.verify()).toMatchObject({ ok: true, erased: 1 }); // whom the user erased

    const { status, body } = await tenant.post<Receipt>('/v1/erasures', { userId: user.id, reason: 'asked for it' });
    expect(status).toBe(201);
    const of = (table: string) => body.stores.find((store) => store.table === table);
    expect([of('identity.user'), of('communication.message'), of('knowledge.memory'), of('communication.notification'), of('agents.session')]).toEqual([
      expect.objectContaining({ erased: 1 }), expect.objectContaining({ blanked: 1 }), expect.objectContaining({ erased: 1 }), expect.objectContaining({ erased: 1 }), expect.objectContaining({ blanked: 1 }),
    ]);
    expect(of('archive:communication.message')).toMatchObject({ erased: 2 });
    expect(of('audit.entry')).toMatchObject({ kept: 0 });

    const left = await residue(tenant, user.texts);
    expect(left.filter((column) => !PSEUDONYMS.includes(column))).toEqual([]);
    expect(await residue(tenant, user.texts.slice(1))).toEqual([]);
    const archives = (await tenant.get<{ items: { id: string; location: string | null }[] }>('/v1/archives')).body.items;
    for (const { id, location } of archives) if (location) expect((await tenant.get<string>(`/v1/archives/${id}/rows`)).body).not.toContain(user.texts[1]);

    await tenant.seal();
    expect(await tenant.verify()).toMatchObject({ ok: true, breaches: [] });
    expect((await tenant.verify()).erased).toBeGreaterThan(3);
    // That somebody did something stays, without who.
    const { body: entries } = await tenant.get<{ items: { actor: object; newState: null }[] }>('/v1/audit/entries?action=project.updated');
    expect(entries.items.map((entry) => entry.actor)).toContainEqual({ type: 'user', id: null, name: 'erased' });
  });

  it('can be repeated, and then says that nothing was left', async () => {
    const tenant = new Tenant(hive);
    const user = await aUser(tenant);
    await tenant.seal();
    const first = await tenant.post<Receipt>('/v1/erasures', { userId: user.id });
    expect(first.body.changed).toBeGreaterThan(10);
    await tenant.seal();
    const second = await tenant.post<Receipt>('/v1/erasures', { userId: user.id });
    expect([second.status, second.body.changed]).toEqual([201, 0]);
    expect((await tenant.get<{ items: { subjectId: string }[] }>('/v1/erasures')).body.items.filter((receipt) => receipt.subjectId === user.id)).toHaveLength(2);
    expect((await tenant.get<{ items: object[] }>(`/v1/audit/entries?action=user.erased&subjectId=${user.id}`)).body.items).toHaveLength(2);
  });

  it('of an agent leaves its row without its name, so that what refers to it stays sound', async () => {
    const tenant = new Tenant(hive);
    const [name, externalId] = [`Marvin ${newId()}`, `ext-${newId()}`];
    const agent = await tenant.made('/v1/agents', { name, externalId, type: 'general-purpose', description: `I am ${name}`, config: { secret: name } });
    const other = await tenant.made('/v1/agents', { name: 'other', type: 'general-purpose' });
    await tenant.put(`/v1/agents/${agent.id}/instructions`, { purpose: `Be ${name}` });
    await tenant.post('/v1/agent-messages', { fromAgentId: agent.id, toAgentId: other.id, type: 'message', content: `from ${name}` });
    await tenant.made('/v1/memories', { agentId: agent.id, knowledgeType: 'fact', domain: 'd', content: name });
    const session = await tenant.made('/v1/sessions', { agentId: agent.id, name });
    await tenant.made(`/v1/sessions/${session.id}/messages`, { role: 'agent', content: `yours, ${name}` });
    const trust = `/v1/agents/${agent.id}/trust`;
    await tenant.made(`${trust}/overrides`, { level: 'L1', reason: `${name} starts`, expiresAt: '2999-01-01T00:00:00Z' });
    await tenant.made(`${trust}/freezes`, { reason: `${name} rests` });
    await tenant.made(`${trust}/metrics`, { sessionId: session.id, metricType: 'accuracy', metricValue: 90, measurementContext: { of: name } });
    const decision = await tenant.made(`/v1/sessions/${session.id}/decisions`, { decisionType: 'review', inputContext: { by: name }, actionTaken: { as: name }, decisionRationale: `${name} thinks` });
    expect((await tenant.put(`/v1/decisions/${decision.id}/feedback`, { feedback: 'rejected', comment: `no, ${name}` })).status).toBe(200);
    await tenant.made(`/v1/agents/${agent.id}/incidents`, { severity: 'critical', description: `${name} broke it` });
    expect((await tenant.rows(`select 1 from trust.level_change where tenant_id = 'TENANT' and position('${name}' in reason) > 0`)).length).toBeGreaterThan(0);
    await tenant.post('/v1/audit/entries', { agentId: agent.id, actionType: 'file.read', actionDetails: { by: name }, riskLevel: 'low' });
    await tenant.seal();
    expect((await residue(tenant, [name])).length).toBeGreaterThan(6);
    expect((await tenant.post<Receipt>('/v1/erasures', { agentId: agent.id })).status).toBe(201);
    expect(await residue(tenant, [name, externalId])).toEqual([]);
    for (const table of ['standing', 'judged_day', 'trust_metric', 'level_change']) expect(await tenant.count(`trust.${table}`)).toBe(0);
    expect((await tenant.get(`/v1/agents/${agent.id}`)).body).toMatchObject({ name: 'erased', description: null, externalId: null });
    expect((await tenant.get(`/v1/sessions/${session.id}`)).status).toBe(200);
    await tenant.seal();
    expect(await tenant.verify()).toMatchObject({ ok: true });
    expect((await tenant.post<Receipt>('/v1/erasures', { agentId: agent.id })).body.changed).toBe(0);
  });

  it('of somebody whose telephone number or external id is short leaves what tells of others', async () => {
    const tenant = new Tenant(hive);
    const other = await tenant.made('/v1/agents', { name: 'number 1', type: 'general-purpose', description: 'told 1 of 10', config: { limit: '10' } });
    const [short, blank] = [await tenant.made('/v1/users', { email: `${newId()}@example.com`, phoneNumber: '1' }), await tenant.made('/v1/users', { email: `${newId()}@example.com`, phoneNumber: ' ' })];
    const agent = await tenant.made('/v1/agents', { name: 'short', externalId: '1', type: 'general-purpose' });
    await tenant.seal();
    const answers = await tenant.count('kernel.idempotency_key');
    const told = () => tenant.rows<{ subject_id: string }>(`select subject_id from audit.entry where tenant_id = 'TENANT' and new_state is not null order by id`);
    expect((await told()).map((entry) => entry.subject_id)).toEqual([other.id, short.id, blank.id, agent.id]);
    for (const subject of [{ userId: blank.id }, { userId: short.id }, { agentId: agent.id }]) {
      const { status, body } = await tenant.post<Receipt>('/v1/erasures', subject);
      expect([status, body.stores.find((store) => store.table === 'audit.entry')]).toEqual([201, expect.objectContaining({ kept: 0 })]);
      await tenant.seal();
    }
    expect((await told()).map((entry) => entry.subject_id)).toContain(other.id);
    expect(await residue(tenant, ['"1"'])).toEqual([]);
    // Each erasure took the answer that had made its subject, and left one of its own.
    expect(await tenant.count('kernel.idempotency_key')).toBe(answers);
  });

  it('is refused while a hold keeps the subject, or the tenant, and names the hold', async () => {
    const tenant = new Tenant(hive);
    const { id } = await tenant.made('/v1/users', { email: `${newId()}@example.com` });
    for (const [subjectType, subjectId] of [['user', id], ['tenant', tenant.me.tenantId]]) {
      const hold = await tenant.made('/v1/legal-holds', { subjectType, subjectId, reason: 'a lawsuit' });
      expect(await tenant.post('/v1/erasures', { userId: id })).toMatchObject({ status: 409, body: { code: 'legal-hold', holdId: hold.id } });
      expect((await tenant.get(`/v1/users/${id}`)).status).toBe(200);
      expect((await hive.delete(`/v1/legal-holds/${hold.id}`, { as: tenant.me, body: { reason: 'settled' } })).status).toBe(200);
    }
    await tenant.seal();
    expect((await tenant.post('/v1/erasures', { userId: id })).status).toBe(201);
  });

  it("is refused while a hold on another keeps what would go with the subject, in the database or in an archive, and changes nothing", async () => {
    const tenant = new Tenant(hive);
    const email = `${newId()}@example.com`;
    const user = await tenant.made('/v1/users', { email });
    const [session, elsewhere] = [await tenant.made('/v1/sessions', { userId: user.id }), await tenant.made('/v1/sessions', {})];
    await tenant.made(`/v1/sessions/${session.id}/messages`, { role: 'user', content: 'mine' });
    await tenant.messages(elsewhere.id, [100, 110], `told ${email}`);
    await tenant.run();
    await tenant.seal();
    const state = () => tenant.rows(`select id, content from communication.message where tenant_id = 'TENANT' union all select id, digest from audit.archive where tenant_id = 'TENANT' order by id`);
    const before = await state();
    for (const subjectId of [session.id, elsewhere.id]) {
      const hold = await tenant.made('/v1/legal-holds', { subjectType: 'session', subjectId, reason: 'a lawsuit' });
      await tenant.seal();
      expect(await tenant.post('/v1/erasures', { userId: user.id })).toMatchObject({ status: 409, body: { code: 'legal-hold', holdId: hold.id } });
      expect(await state()).toEqual(before);
      expect((await tenant.get(`/v1/users/${user.id}`)).status).toBe(200);
      expect((await hive.delete(`/v1/legal-holds/${hold.id}`, { as: tenant.me, body: { reason: 'settled' } })).status).toBe(200);
    }
    await tenant.seal();
    expect((await tenant.post('/v1/erasures', { userId: user.id })).status).toBe(201);
  });

  it('finds the file again that it could not remove, when it is repeated or the archive expires', async () => {
    const tenant = new Tenant(hive);
    const [one, two] = [`${newId()}@example.com`, `${newId()}@example.com`];
    const [first, second] = [await tenant.made('/v1/users', { email: one }), await tenant.made('/v1/users', { email: two })];
    const session = await tenant.made('/v1/sessions', {});
    await tenant.messages(session.id, [100], `told ${one} and ${two}`);
    await tenant.run();
    await tenant.seal();
    const files = () => readdirSync(join(directory, tenant.me.tenantId, 'communication.message')).sort();
    const [name] = files();
    const erase = async (userId: string) => {
      const archives = hive.app.get(ArchivesService, { strict: false });
      const forgetAll = archives.forgetAll.bind(archives);
      archives.forgetAll = () => Promise.reject(new Error('the disk is gone'));
      expect((await tenant.post('/v1/erasures', { userId })).status).toBe(500);
      archives.forgetAll = forgetAll;
      await tenant.seal();
    };
    await erase(first.id);
    const rewritten = name!.replace('.ndjson', '.v2.ndjson');
    expect(files()).toEqual([name, rewritten].sort());
    expect((await tenant.post<Receipt>('/v1/erasures', { userId: first.id })).status).toBe(201);
    expect(files()).toEqual([rewritten]);
    const [archive] = (await tenant.get<{ items: { id: string; rowCount: number }[] }>('/v1/archives')).body.items;
    expect([archive!.rowCount, (await tenant.get<string>(`/v1/archives/${archive!.id}/rows`)).body || '']).toEqual([0, '']);

    await tenant.messages((await tenant.made('/v1/sessions', {})).id, [101], `told ${two}`);
    await tenant.run();
    await erase(second.id);
    expect(files()).toHaveLength(3);
    await tenant.rows(`update audit.archive set expires_at = now() - interval '1 day' where tenant_id = 'TENANT'`);
    expect(await tenant.run()).toMatchObject({ expiredArchives: 2 });
    expect(files()).toEqual([]);
  });

  it.each([
    ['nobody', {}, 422],
    ['two at once', { userId: newId(), agentId: newId() }, 422],
    ['somebody unknown', { userId: newId() }, 404],
  ])('refuses to erase %s', async (_, body, status) => {
    expect((await new Tenant(hive).post('/v1/erasures', body)).status).toBe(status);
  });

  it("does not reach another tenant's user", async () => {
    const [owner, stranger] = [new Tenant(hive), new Tenant(hive)];
    const { id } = await owner.made('/v1/users', { email: `${newId()}@example.com` });
    expect((await stranger.post('/v1/erasures', { userId: id })).status).toBe(404);
    expect((await owner.get(`/v1/users/${id}`)).status).toBe(200);
  });

  describe('and legal holds', () => {
    it('need a reason to be placed and to be released, once, and stay in the list', async () => {
      const tenant = new Tenant(hive);
      const { id } = await tenant.made('/v1/sessions', {});
      expect((await tenant.post('/v1/legal-holds', { subjectType: 'session', subjectId: id })).status).toBe(422);
      expect((await tenant.post('/v1/legal-holds', { subjectType: 'session', subjectId: id, reason: 'r', until: '2020-01-01T00:00:00Z' })).status).toBe(422);
      expect((await tenant.post('/v1/legal-holds', { subjectType: 'session', subjectId: newId(), reason: 'r' })).status).toBe(404);
      const hold = await tenant.made('/v1/legal-holds', { subjectType: 'session', subjectId: id, reason: 'r', until: '2999-01-01T00:00:00Z' });
      const release = (body: object) => hive.delete(`/v1/legal-holds/${hold.id}`, { as: tenant.me, body });
      expect((await release({})).status).toBe(422);
      expect((await release({ reason: 'done' })).body).toMatchObject({ isInForce: false, releaseReason: 'done' });
      expect(await release({ reason: 'again' })).toMatchObject({ status: 409, body: { code: 'hold-released' } });
      expect((await tenant.get<{ items: object[] }>('/v1/legal-holds?inForce=false')).body.items).toHaveLength(1);
      expect((await tenant.get<{ items: object[] }>('/v1/legal-holds?inForce=true')).body.items).toEqual([]);
    });

    it('on the whole tenant let no period become shorter', async () => {
      const tenant = new Tenant(hive);
      const hold = await tenant.made('/v1/legal-holds', { subjectType: 'tenant', subjectId: tenant.me.tenantId, reason: 'r' });
      const shorter = await tenant.put('/v1/retention-policies', { items: [{ retentionClass: 'mail', hotDays: 10, totalDays: 365 }] });
      expect(shorter).toMatchObject({ status: 409, body: { code: 'legal-hold', holdId: hold.id, classes: ['mail'] } });
      expect((await tenant.put('/v1/retention-policies', { items: [{ retentionClass: 'mail', hotDays: 100, totalDays: null }] })).status).toBe(200);
    });
  });
});
