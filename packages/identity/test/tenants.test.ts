import { newId } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { TenantsService } from '../src/index.js';
import { ADMIN_KEY, aKey, aTenant, identityApp } from './world.js';

interface Entries {
  items: { action: string; actor: { name: string } }[];
}

describe('tenants', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await identityApp();
  });
  afterAll(() => hive.close());

  const suspend = (id: string, as = ADMIN_KEY) => hive.put(`/v1/tenants/${id}/suspension`, { reason: 'unpaid' }, { as });

  it('are created by the platform with a first key, and their record names the platform', async () => {
    const made = await hive.post<{ id: string; adminKey: { key: string } }>('/v1/tenants', { slug: 'acme', name: 'Acme' }, { as: ADMIN_KEY });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/v1/tenants/${made.body.id}`);
    const as = made.body.adminKey.key;
    expect((await hive.get(`/v1/tenants/${made.body.id}`, { as })).body).toMatchObject({ slug: 'acme', name: 'Acme', state: 'active', version: 1 });
    const { body } = await hive.get<Entries>('/v1/audit/entries', { as });
    expect(body.items.map((e) => [e.action, e.actor.name])).toEqual(expect.arrayContaining([['tenant.created', 'platform'], ['api_key.created', 'platform']]));
    expect(JSON.stringify(body)).not.toContain(as);
    expect((await hive.post('/v1/tenants', { slug: 'acme', name: 'Again' }, { as: ADMIN_KEY })).body).toMatchObject({ status: 409, code: 'conflict' });
  });

  it('are created once under an idempotency key, whose replay has no secret', async () => {
    const headers = { 'idempotency-key': newId() };
    const body = { slug: 'once', name: 'Once' };
    const first = await hive.post<{ id: string; adminKey: { key: string } }>('/v1/tenants', body, { as: ADMIN_KEY, headers });
    const again = await hive.post<{ id: string; adminKey: { key: null } }>('/v1/tenants', body, { as: ADMIN_KEY, headers });
    expect([first.status, again.status, again.body.id, again.body.adminKey.key, again.headers.get('idempotent-replayed')]).toEqual([201, 201, first.body.id, null, 'true']);
    expect((await hive.get('/v1/me', { as: first.body.adminKey.key })).body).toMatchObject({ tenantId: first.body.id });
  });

  it.each([['Upper Case'], [''], ['-dash'], ['x'.repeat(64)]])('refuse the slug %j', async (slug) => {
    expect((await hive.post('/v1/tenants', { slug, name: 'x' }, { as: ADMIN_KEY })).body).toMatchObject({ status: 422, errors: [{ pointer: '/slug' }] });
  });

  it('do not see each other, and the platform sees all', async () => {
    const [a, b] = [await aTenant(hive), await aTenant(hive)];
    expect((await hive.get(`/v1/tenants/${a.id}`, { as: b.key })).status).toBe(404);
    expect((await hive.get(`/v1/tenants/${a.id}`, { as: ADMIN_KEY })).body).toMatchObject({ id: a.id });
    expect((await hive.get(`/v1/tenants/${newId()}`, { as: ADMIN_KEY })).status).toBe(404);
    expect((await suspend(a.id, b.key)).status).toBe(403);
  });

  it('are closed by suspension, at once, and opened again', async () => {
    const tenant = await aTenant(hive);
    expect((await suspend(tenant.id)).body).toMatchObject({ state: 'suspended', suspensionReason: 'unpaid' });
    expect((await hive.get('/v1/me', { as: tenant.key })).body).toMatchObject({ status: 403, code: 'tenant-suspended' });
    expect((await suspend(tenant.id)).body).toMatchObject({ status: 409, code: 'already-suspended' });
    expect((await hive.app.get(TenantsService, { strict: false }).listActive())).not.toContain(tenant.id);
    expect((await hive.delete(`/v1/tenants/${tenant.id}/suspension`, { as: ADMIN_KEY })).body).toMatchObject({ state: 'active', suspensionReason: null });
    expect((await hive.get('/v1/me', { as: tenant.key })).status).toBe(200);
    expect((await hive.delete(`/v1/tenants/${tenant.id}/suspension`, { as: ADMIN_KEY })).body).toMatchObject({ code: 'not-suspended' });
  });

  it('take all their rows with them as NDJSON, without secrets', async () => {
    const tenant = await aTenant(hive);
    const as = tenant.key;
    const emails = Array.from({ length: 3 }, (_, i) => `user${i}@example.com`);
    for (const email of emails) await hive.post('/v1/users', { email }, { as });
    const answer = await hive.get<string>(`/v1/tenants/${tenant.id}/export`, { as });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const lines = text.trim().split('\n').map((line) => JSON.parse(line) as { table: string; row: Record<string, unknown> });
    expect(lines.filter((l) => l.table === 'identity.user').map((l) => l.row.email)).toEqual(emails);
    expect(lines.some((l) => l.table === 'audit.entry')).toBe(true);
    expect(lines.every((l) => l.row.tenant_id === tenant.id)).toBe(true);
    const keys = lines.filter((l) => l.table === 'identity.api_key');
    expect(keys).toHaveLength(1);
    expect(keys[0]!.row).not.toHaveProperty('secret_hash');
  });

  it('are deleted only when suspended, and leave a receipt and their record', async () => {
    const tenant = await aTenant(hive);
    const user = await hive.post<{ id: string }>('/v1/users', { email: 'a@example.com' }, { as: tenant.key });
    await hive.put(`/v1/users/${user.body.id}/preferences/ui`, { preferences: { a: 1 } }, { as: tenant.key });
    await hive.post('/v1/projects', { name: 'p' }, { as: tenant.key, headers: { 'idempotency-key': newId() } });
    const remove = () => hive.delete<{ stores: { table: string; rows: number; kept: string | null }[] }>(`/v1/tenants/${tenant.id}`, { as: ADMIN_KEY });
    expect((await remove()).body).toMatchObject({ status: 409, code: 'not-suspended' });
    await suspend(tenant.id);
    const { status, body } = await remove();
    expect(status).toBe(200);
    const rows = Object.fromEntries(body.stores.map((s) => [s.table, s.rows]));
    expect(rows).toMatchObject({ 'identity.user': 1, 'identity.preference': 1, 'identity.project': 1, 'identity.project_state': 1, 'identity.api_key': 1, 'kernel.idempotency_key': 1 });
    expect(body.stores.find((s) => s.table === 'audit.entry')).toMatchObject({ kept: expect.stringContaining('record') });
    expect((await hive.get('/v1/me', { as: tenant.key })).status).toBe(401);
    expect((await remove()).status).toBe(404);
    const left = await hive.database.execute(hive.orm, `select distinct action from audit.entry where tenant_id = '${tenant.id}' and action = 'tenant.deleted'`);
    expect(left).toHaveLength(1);
  });

  it('begin with one called default, made once however many ask', async () => {
    const service = hive.app.get(TenantsService, { strict: false });
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => service.ensureDefault()));
    expect(others.every((o) => o.tenantId === first!.tenantId && !o.created && o.adminKey === null)).toBe(true);
  });
});

describe('API keys', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  beforeAll(async () => {
    hive = await identityApp();
    tenant = await aTenant(hive);
  });
  afterAll(() => hive.close());

  const make = (body: object, as = tenant.key, headers = {}) => hive.post<{ id: string; key: string | null }>('/v1/api-keys', { name: 'k', scopes: [], ...body }, { as, headers });

  it('are shown once and stored as a digest [S1.6]', async () => {
    const made = await make({ scopes: ['agents:read'] });
    expect(made.body.key).toMatch(/^hive_test_[0-9a-f]{32}_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
    expect(made.body.key).toContain(tenant.id.replaceAll('-', ''));
    const everything = JSON.stringify([await hive.get('/v1/api-keys', { as: tenant.key }), await hive.get(`/v1/api-keys/${made.body.id}`, { as: tenant.key }), await hive.get('/v1/audit/entries', { as: tenant.key })]);
    expect(everything).not.toContain(made.body.key!.slice(-43));
    const [stored] = await hive.database.execute<{ secret_hash: string }>(hive.orm, `select secret_hash from identity.api_key where id = '${made.body.id}'`);
    expect(stored!.secret_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(everything).not.toContain(stored!.secret_hash);
  });

  it('are replayed without their secret', async () => {
    const headers = { 'idempotency-key': newId() };
    const first = await make({}, tenant.key, headers);
    const again = await make({}, tenant.key, headers);
    expect([again.body.id, again.body.key]).toEqual([first.body.id, null]);
  });

  it('never give what their maker does not have', async () => {
    const limited = await aKey(hive, tenant.key, { scopes: ['keys:write', 'agents:read'] });
    expect((await make({ scopes: ['agents:write'] }, limited.key)).body).toMatchObject({ status: 403, scope: 'agents:write' });
    expect((await make({ scopes: ['agents:*'] }, limited.key)).body).toMatchObject({ status: 403, scope: 'agents:*' });
    expect((await make({ scopes: ['*'] }, limited.key)).status).toBe(403);
    expect((await make({ role: 'admin' }, limited.key)).status).toBe(403);
    expect((await make({ scopes: ['agents:read'] }, limited.key)).status).toBe(201);
    expect((await make({ scopes: ['tenants:write'] })).body).toMatchObject({ status: 403, code: 'platform-scope' });
    expect((await make({ scopes: ['tenants:write'] }, ADMIN_KEY)).body).toMatchObject({ status: 403, code: 'platform-scope' });
    for (const as of [tenant.key, ADMIN_KEY]) {
      expect((await make({ scopes: ['tenants:*'] }, as)).body).toMatchObject({ status: 403, code: 'platform-scope', scope: 'tenants:*' });
      expect((await hive.put('/v1/roles/landlord', { scopes: ['tenants:*'] }, { as })).body).toMatchObject({ status: 403, code: 'platform-scope' });
    }
  });

  it.each([
    ['an unknown scope', { scopes: ['agents:fly'] }, 422, '/scopes/0'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 422, '/expiresAt'],
    ['agent and user together', { agentId: newId(), userId: newId() }, 422, '/userId'],
    ['scopes that are no list', { scopes: 'all' }, 422, '/scopes'],
    ['an empty name', { name: '' }, 422, '/name'],
  ])('refuse %s', async (_, body, status, pointer) => {
    const answer = await make(body);
    expect(answer.body).toMatchObject({ status, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
  });

  it('refuse a role or a user that is not there', async () => {
    expect((await make({ role: 'nobody' })).body).toMatchObject({ status: 404, noun: 'role' });
    expect((await make({ userId: newId() })).body).toMatchObject({ status: 404, noun: 'user' });
  });

  it('are rotated, with both open during the overlap and only the new one after', async () => {
    const old = await aKey(hive, tenant.key, { scopes: ['agents:read'], name: 'rotated' });
    const rotate = (id: string, body: object) => hive.post<{ id: string; key: string }>(`/v1/api-keys/${id}/rotation`, body, { as: tenant.key });
    const overlapping = await rotate(old.id, { overlapSeconds: 60 });
    expect(overlapping.body).toMatchObject({ name: 'rotated', scopes: ['agents:read'], rotatedFromId: old.id });
    for (const key of [old.key, overlapping.body.key]) expect((await hive.get('/v1/me', { as: key })).status).toBe(200);
    const next = await rotate(overlapping.body.id, {});
    expect((await hive.get('/v1/me', { as: overlapping.body.key })).status).toBe(401);
    expect((await hive.get('/v1/me', { as: next.body.key })).status).toBe(200);
    expect((await rotate(overlapping.body.id, {})).body).toMatchObject({ status: 409, code: 'not-usable' });
    expect((await rotate(next.body.id, { overlapSeconds: 604_801 })).status).toBe(422);
  });

  it('are unknown to other tenants', async () => {
    const other = await aTenant(hive);
    const { id } = await aKey(hive, tenant.key, { scopes: [] });
    for (const answer of [await hive.get(`/v1/api-keys/${id}`, { as: other.key }), await hive.delete(`/v1/api-keys/${id}`, { as: other.key }), await hive.post(`/v1/api-keys/${id}/rotation`, {}, { as: other.key })]) {
      expect(answer.status).toBe(404);
    }
    expect((await hive.delete(`/v1/api-keys/${id}`, { as: tenant.key })).status).toBe(204);
    expect((await hive.delete(`/v1/api-keys/${id}`, { as: tenant.key })).body).toMatchObject({ status: 409, code: 'already-revoked' });
  });
});
