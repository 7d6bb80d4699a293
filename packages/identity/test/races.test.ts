import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { ADMIN_KEY, aKey, aTenant, identityApp } from './world.js';

const onServer = testEngine() === 'server' ? describe : describe.skip;

// The embedded engine has one connection, on which nothing races.
onServer('what many do at once (needs connections in parallel: HIVE_TEST_DATABASE_URL)', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  beforeAll(async () => {
    hive = await identityApp();
    tenant = await aTenant(hive);
  });
  afterAll(() => hive.close());

  let serial = 0;
  const any = { 'if-match': '*' };
  const aUser = async () => (await hive.post<{ id: string }>('/v1/users', { email: `u${++serial}@example.com` }, { as: tenant.key })).body.id;
  const many = <T>(count: number, work: (n: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, n) => work(n)));
  const counted = (answers: { status: number }[]) => Object.fromEntries(Object.entries(Object.groupBy(answers, (a) => a.status)).map(([status, of]) => [status, of!.length]));

  it('leaves no key of a user who goes', async () => {
    for (let round = 0; round < 8; round++) {
      const userId = await aUser();
      const [made] = await Promise.all([
        many(4, () => hive.post<{ key: string }>('/v1/api-keys', { name: 'k', scopes: ['users:read'], userId }, { as: tenant.key })),
        hive.delete(`/v1/users/${userId}`, { as: tenant.key, headers: any }),
      ]);
      for (const { status, body } of made) {
        expect([201, 404]).toContain(status);
        if (status === 201) expect((await hive.get('/v1/me', { as: body.key })).status).toBe(401);
      }
    }
  });

  it('leaves no key and no user with a role that goes', async () => {
    for (let round = 0; round < 8; round++) {
      await hive.put('/v1/roles/brief', { scopes: [] }, { as: tenant.key });
      const [keys, users, gone] = await Promise.all([
        many(3, () => hive.post<{ id?: string }>('/v1/api-keys', { name: 'k', scopes: [], role: 'brief' }, { as: tenant.key })),
        many(3, () => hive.post<{ id?: string }>('/v1/users', { email: `u${++serial}@example.com`, role: 'brief' }, { as: tenant.key })),
        hive.delete('/v1/roles/brief', { as: tenant.key }),
      ]);
      const given = [...keys, ...users].filter((answer) => answer.status === 201).length;
      expect(gone.status).toBe(given > 0 ? 409 : 204);
      for (const { body } of keys) if (body.id) await hive.delete(`/v1/api-keys/${body.id}`, { as: tenant.key });
      for (const { body } of users) if (body.id) await hive.delete(`/v1/users/${body.id}`, { as: tenant.key, headers: any });
      await hive.delete('/v1/roles/brief', { as: tenant.key });
    }
  });

  it('rotates a key once, and revokes it once', async () => {
    const rotated = await aKey(hive, tenant.key, { scopes: [] });
    expect(counted(await many(10, () => hive.post(`/v1/api-keys/${rotated.id}/rotation`, {}, { as: tenant.key })))).toEqual({ 201: 1, 409: 9 });
    const revoked = await aKey(hive, tenant.key, { scopes: [] });
    expect(counted(await many(10, () => hive.delete(`/v1/api-keys/${revoked.id}`, { as: tenant.key })))).toEqual({ 204: 1, 409: 9 });
  });

  it('serves all who ask for no version, and one of those who ask for the same', async () => {
    const id = await aUser();
    expect(counted(await many(10, (n) => hive.patch(`/v1/users/${id}`, { name: `n${n}` }, { as: tenant.key, headers: any })))).toEqual({ 200: 10 });
    expect(counted(await many(10, (n) => hive.patch(`/v1/users/${id}`, { name: `m${n}` }, { as: tenant.key, headers: { 'if-match': '"11"' } })))).toEqual({ 200: 1, 412: 9 });
  });

  it('makes a role once, however many are the first', async () => {
    for (let round = 0; round < 5; round++) {
      expect(counted(await many(10, () => hive.put(`/v1/roles/first-${round}`, { scopes: ['users:read'] }, { as: tenant.key })))).toEqual({ 200: 10 });
    }
  });

  it('moves a project, suspends a tenant and deletes it once', async () => {
    const { id } = (await hive.post<{ id: string }>('/v1/projects', { name: 'p' }, { as: tenant.key })).body;
    expect(counted(await many(10, () => hive.put(`/v1/projects/${id}/state`, { state: 'active' }, { as: tenant.key })))).toEqual({ 200: 1, 409: 9 });
    const other = await aTenant(hive);
    expect(counted(await many(10, () => hive.put(`/v1/tenants/${other.id}/suspension`, { reason: 'r' }, { as: ADMIN_KEY })))).toEqual({ 200: 1, 409: 9 });
    expect(counted(await many(5, () => hive.delete(`/v1/tenants/${other.id}`, { as: ADMIN_KEY })))).toEqual({ 200: 1, 404: 4 });
    const left = await hive.database.execute(hive.orm, `select 1 from audit.entry where tenant_id = '${other.id}' and action = 'tenant.deleted'`);
    expect(left).toHaveLength(1);
  });
});
