import { newId } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { ADMIN_KEY, aKey, aTenant, identityApp } from './world.js';

interface Listed {
  items: { id: string }[];
  nextCursor: string | null;
  total?: number;
}

describe('identity', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  let userId: string;
  let projectId: string;
  beforeAll(async () => {
    hive = await identityApp();
    tenant = await aTenant(hive);
    userId = await made('/v1/users', { email: 'ada@example.com' });
    projectId = await made('/v1/projects', { name: 'p' });
  });
  afterAll(() => hive.close());

  const made = async (path: string, body: object) => (await hive.post<{ id: string }>(path, body, { as: tenant.key })).body.id;
  const any = { 'if-match': '*' };

  it.each([
    ['PATCH /v1/users/{id}', 'email'],
    ['PATCH /v1/users/{id}', 'userData'],
    ['POST /v1/users', 'userData'],
    ['PATCH /v1/projects/{id}', 'name'],
    ['PATCH /v1/projects/{id}', 'projectMetadata'],
    ['POST /v1/projects', 'projectMetadata'],
    ['POST /v1/oidc-issuers', 'tenantClaim'],
    ['POST /v1/oidc-issuers', 'scopesClaim'],
  ])('refuses null where a value must be: %s %s', async (operation, field) => {
    const [method, path] = operation.replace('users/{id}', `users/${userId}`).replace('projects/{id}', `projects/${projectId}`).split(' ') as [string, string];
    const rest = { '/v1/users': { email: 'n@example.com' }, '/v1/projects': { name: 'n' }, '/v1/oidc-issuers': { issuer: 'http://n', audience: 'n', jwksUri: 'http://n' } }[path];
    const answer = await hive.request(method, path, { body: { ...rest, [field]: null }, headers: any, as: path === '/v1/oidc-issuers' ? ADMIN_KEY : tenant.key });
    expect(answer.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: `/${field}` })]) });
  });

  it('takes null where nothing may be', async () => {
    const patch = (path: string, body: object) => hive.patch(path, body, { as: tenant.key, headers: any });
    expect((await patch(`/v1/users/${userId}`, { name: null, phoneNumber: null, role: null })).status).toBe(200);
    expect((await patch(`/v1/projects/${projectId}`, { description: null })).status).toBe(200);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('knows no role called %s', async (role) => {
    const none = { status: 404, noun: 'role' };
    expect((await hive.post('/v1/api-keys', { name: 'k', scopes: [], role }, { as: tenant.key })).body).toMatchObject(none);
    expect((await hive.post('/v1/users', { email: 'r@example.com', role }, { as: tenant.key })).body).toMatchObject(none);
  });

  it('lets a tenant call a role of its own constructor', async () => {
    expect((await hive.put('/v1/roles/constructor', { scopes: ['users:read'] }, { as: tenant.key })).body).toMatchObject({ name: 'constructor', isBuiltIn: false });
    const { key } = await aKey(hive, tenant.key, { scopes: [], role: 'constructor' });
    expect((await hive.get('/v1/me', { as: key })).body).toMatchObject({ scopes: ['users:read'] });
  });

  it('counts a list when asked to, whatever page of it is shown', async () => {
    const { key: as } = await aTenant(hive);
    const user = (await hive.post<{ id: string }>('/v1/users', { email: 'a@example.com' }, { as })).body.id;
    await hive.post('/v1/users', { email: 'b@example.com' }, { as });
    await hive.post('/v1/api-keys', { name: 'k', scopes: [] }, { as });
    const project = (await hive.post<{ id: string }>('/v1/projects', { name: 'p' }, { as })).body.id;
    await hive.post('/v1/projects', { name: 'q' }, { as });
    await hive.put(`/v1/projects/${project}/state`, { state: 'active' }, { as });
    for (const category of ['x', 'y']) await hive.put(`/v1/users/${user}/preferences/${category}`, { preferences: { a: 1 } }, { as });
    const lists = ['/v1/users?', '/v1/api-keys?', '/v1/projects?', `/v1/projects/${project}/states?`, '/v1/preferences?path=a&equals=1&'];
    for (const list of lists) {
      const first = (await hive.get<Listed>(`${list}limit=1&total=true`, { as })).body;
      expect([list, first.items.length, first.total]).toEqual([list, 1, 2]);
      const second = (await hive.get<Listed>(`${list}limit=1&total=true&cursor=${first.nextCursor}`, { as })).body;
      expect([list, second.items.length, second.total]).toEqual([list, 1, 2]);
      expect((await hive.get<Listed>(list, { as })).body).not.toHaveProperty('total');
    }
    expect((await hive.get<Listed>('/v1/users?email=A@example.com&total=true', { as })).body.total).toBe(1);
    expect((await hive.get<Listed>('/v1/projects?state=active&total=true', { as })).body.total).toBe(1);
    expect((await hive.get<Listed>('/v1/preferences?path=a&equals=1&category=x&total=true', { as })).body.total).toBe(1);
  });

  it.each([
    ['a number', 99_999_999_999_999],
    ['a year', '2099'],
    ['a day that does not exist', '2099-02-31T00:00:00Z'],
    ['a moment without a time zone', '2099-01-31T00:00:00'],
    ['six digits of year', '+275760-09-13T00:00:00.000Z'],
    ['a year of five digits in UTC', '9999-12-31T23:59:59-23:59'],
    ['a moment of the past', '2020-01-01T00:00:00Z'],
  ])('refuses %s as the end of a key', async (_, expiresAt) => {
    const answer = await hive.post('/v1/api-keys', { name: 'k', scopes: [], expiresAt }, { as: tenant.key });
    expect(answer.body).toMatchObject({ status: 422, errors: [expect.objectContaining({ pointer: '/expiresAt' })] });
  });

  it('takes a moment of any time zone for the end of a key', async () => {
    const answer = await hive.post('/v1/api-keys', { name: 'k', scopes: [], expiresAt: '2099-01-31T12:00:00+02:00' }, { as: tenant.key });
    expect(answer.body).toMatchObject({ expiresAt: '2099-01-31T10:00:00.000Z' });
  });

  it.each([
    ['issuer', { issuer: 'HTTP://127.0.0.1/a', audience: 'x', jwksUri: 'http://127.0.0.1/k' }],
    ['jwksUri', { issuer: 'http://127.0.0.1/a', audience: 'x', jwksUri: 'HTTPS://127.0.0.1/k' }],
  ])('refuses a scheme in upper case in %s', async (field, body) => {
    expect((await hive.post('/v1/oidc-issuers', body, { as: ADMIN_KEY })).body).toMatchObject({ status: 422, errors: [{ pointer: `/${field}` }] });
  });

  it.each(['"\\u0000"', '"\\ud800"', '{"a\\u0000":1}', `${'['.repeat(70)}${']'.repeat(70)}`])('finds no preference by what none can hold: %s', async (equals) => {
    expect((await hive.get(`/v1/preferences?path=a&equals=${encodeURIComponent(equals)}`, { as: tenant.key })).body).toMatchObject({ status: 422, code: 'invalid' });
  });

  it('honours a version that is given where none is needed', async () => {
    const path = `/v1/users/${userId}/preferences/ui`;
    const at = (version: string) => ({ as: tenant.key, headers: { 'if-match': version } });
    for (const version of ['"5"', '*']) expect((await hive.put(path, { preferences: {} }, at(version))).body).toMatchObject({ status: 412, code: 'stale' });
    expect((await hive.put(path, { preferences: {} }, { as: tenant.key })).body).toMatchObject({ version: 1 });
    expect((await hive.put(path, { preferences: { a: 1 } }, at('*'))).body).toMatchObject({ version: 2 });
    expect((await hive.delete(path, at('"1"'))).status).toBe(412);
    expect((await hive.delete(path, at('"2"'))).status).toBe(204);
    expect((await hive.put(`/v1/projects/${projectId}/state`, { state: 'active' }, at('"99"'))).status).toBe(412);

    const { id } = await aTenant(hive);
    const platform = (version: string) => ({ as: ADMIN_KEY, headers: { 'if-match': version } });
    expect((await hive.put(`/v1/tenants/${id}/suspension`, { reason: 'r' }, platform('"7"'))).status).toBe(412);
    expect((await hive.put(`/v1/tenants/${id}/suspension`, { reason: 'r' }, platform('"1"'))).status).toBe(200);
    expect((await hive.delete(`/v1/tenants/${id}/suspension`, platform('"1"'))).status).toBe(412);
    expect((await hive.delete(`/v1/tenants/${id}`, platform('"1"'))).status).toBe(412);
    expect((await hive.delete(`/v1/tenants/${id}`, platform('"2"'))).status).toBe(200);
  });

  it('records what went along with a user and with a project, by its counts', async () => {
    const user = await made('/v1/users', { email: 'gone@example.com' });
    for (const category of ['x', 'y']) await hive.put(`/v1/users/${user}/preferences/${category}`, { preferences: {} }, { as: tenant.key });
    const project = await made('/v1/projects', { name: 'gone' });
    await hive.put(`/v1/projects/${project}/state`, { state: 'active' }, { as: tenant.key });
    for (const path of [`/v1/users/${user}`, `/v1/projects/${project}`]) expect((await hive.delete(path, { as: tenant.key, headers: any })).status).toBe(204);
    const entries = async (subjectId: string) => (await hive.get<{ items: { action: string; details: unknown }[] }>(`/v1/audit/entries?subjectId=${subjectId}`, { as: tenant.key })).body.items;
    expect(await entries(user)).toContainEqual(expect.objectContaining({ action: 'user.cascaded', details: { counts: { 'identity.preference': 2 } } }));
    expect(await entries(project)).toContainEqual(expect.objectContaining({ action: 'project.cascaded', details: { counts: { 'identity.project_state': 2 } } }));
  });

  it('keeps the tenant that the platform works in', async () => {
    const { tenantId } = (await hive.get<{ tenantId: string }>('/v1/me', { as: ADMIN_KEY })).body;
    expect((await hive.put(`/v1/tenants/${tenantId}/suspension`, { reason: 'r' }, { as: ADMIN_KEY })).status).toBe(200);
    expect((await hive.delete(`/v1/tenants/${tenantId}`, { as: ADMIN_KEY })).body).toMatchObject({ status: 409, code: 'default-tenant' });
    expect((await hive.delete(`/v1/tenants/${tenantId}/suspension`, { as: ADMIN_KEY })).status).toBe(200);
    expect((await hive.get(`/v1/users/${newId()}`, { as: ADMIN_KEY })).status).toBe(404);
  });
});
