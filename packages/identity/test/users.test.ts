import { newId } from '@agent-hive/kernel';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { aKey, aTenant, identityApp } from './world.js';

interface User {
  id: string;
  email: string;
  version: number;
}

describe('users, roles and preferences', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  let other: { id: string; key: string };
  beforeAll(async () => {
    hive = await identityApp();
    [tenant, other] = [await aTenant(hive), await aTenant(hive)];
  });
  afterAll(() => hive.close());

  let serial = 0;
  const add = async (body: object = {}, as = tenant.key) => (await hive.post<User>('/v1/users', { email: `user${++serial}@example.com`, ...body }, { as })).body;
  const match = (user: { version: number }) => ({ 'if-match': `"${user.version}"` });

  describe('users', () => {
    it('are added, found, changed and deleted [S5.11, S5.29, S5.64, S5.63, S4.82]', async () => {
      const made = await hive.post<User>('/v1/users', { email: 'test@example.com', name: 'Test User', phoneNumber: '+1 555', role: 'viewer', userData: { a: 1 } }, { as: tenant.key });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), email: 'test@example.com', name: 'Test User', phoneNumber: '+1 555', role: 'viewer', userData: { a: 1 }, version: 1 });
      expect((await hive.get<User>(`/v1/users/${made.body.id}`, { as: tenant.key })).body).toEqual(made.body);
      expect((await hive.get<{ items: User[] }>('/v1/users?email=TEST@example.com', { as: tenant.key })).body.items).toEqual([made.body]);
      const changed = await hive.patch<User>(`/v1/users/${made.body.id}`, { name: 'Other', userData: { b: 2 } }, { as: tenant.key, headers: match(made.body) });
      expect(changed.body).toMatchObject({ name: 'Other', userData: { b: 2 }, phoneNumber: '+1 555', version: 2 });
      expect((await hive.delete(`/v1/users/${made.body.id}`, { as: tenant.key, headers: match(changed.body) })).status).toBe(204);
      expect((await hive.get(`/v1/users/${made.body.id}`, { as: tenant.key })).status).toBe(404);
      expect((await hive.get<{ items: User[] }>('/v1/users?email=test@example.com', { as: tenant.key })).body.items).toEqual([]);
    });

    it('have an email of their own, whatever its case, within the tenant', async () => {
      await add({ email: 'Ada@Example.com' });
      expect((await hive.post('/v1/users', { email: 'ada@example.COM' }, { as: tenant.key })).body).toMatchObject({ status: 409, code: 'conflict' });
      const bob = await add();
      expect((await hive.patch(`/v1/users/${bob.id}`, { email: 'ada@example.com' }, { as: tenant.key, headers: match(bob) })).status).toBe(409);
      expect((await hive.post('/v1/users', { email: 'ada@example.com' }, { as: other.key })).status).toBe(201);
    });

    it.each([
      ['no email', { email: undefined }],
      ['a malformed email', { email: 'nobody' }],
      ['an unknown field', { colour: 'red' }],
      ['data that are no object', { userData: [1] }],
      ['data over 64 KiB', { userData: { a: 'x'.repeat(65_536) } }],
    ])('refuse %s', async (_, body) => {
      expect((await hive.post('/v1/users', { email: 'x@example.com', ...body }, { as: tenant.key })).status).toBe(422);
    });

    it('refuse a change without, or with a stale version, and by a stranger', async () => {
      const user = await add();
      const patch = (headers: Record<string, string>, as = tenant.key) => hive.patch(`/v1/users/${user.id}`, { name: 'x' }, { as, headers });
      expect((await patch({})).status).toBe(428);
      expect((await patch({ 'if-match': '"7"' })).status).toBe(412);
      expect((await patch(match(user), other.key)).status).toBe(404);
    });

    it('close their keys when they go, which then name nobody', async () => {
      const user = await add();
      const key = await aKey(hive, tenant.key, { scopes: ['agents:read'], userId: user.id });
      expect((await hive.get('/v1/me', { as: key.key })).body).toMatchObject({ actor: { type: 'user', id: user.id } });
      await hive.delete(`/v1/users/${user.id}`, { as: tenant.key, headers: match(user) });
      expect((await hive.get('/v1/me', { as: key.key })).status).toBe(401);
      expect((await hive.get(`/v1/api-keys/${key.id}`, { as: tenant.key })).body).toMatchObject({ userId: null, revokedAt: expect.any(String) });
    });
  });

  describe('roles', () => {
    it('give their scopes to keys, at once when they change [S1.6]', async () => {
      const put = (scopes: string[], as = tenant.key) => hive.put('/v1/roles/auditor', { scopes, description: 'reads' }, { as });
      expect((await put(['audit:read'])).body).toEqual({ name: 'auditor', description: 'reads', scopes: ['audit:read'], isBuiltIn: false });
      const key = await aKey(hive, tenant.key, { scopes: [], role: 'auditor' });
      expect((await hive.get('/v1/audit/entries', { as: key.key })).status).toBe(200);
      await put(['users:read']);
      expect([(await hive.get('/v1/audit/entries', { as: key.key })).status, (await hive.get('/v1/users', { as: key.key })).status]).toEqual([403, 200]);
      expect((await hive.delete('/v1/roles/auditor', { as: tenant.key })).body).toMatchObject({ status: 409, code: 'in-use', counts: { 'identity.api_key': 1 } });
      await hive.delete(`/v1/api-keys/${key.id}`, { as: tenant.key });
      expect((await hive.delete('/v1/roles/auditor', { as: tenant.key })).status).toBe(204);
      expect((await hive.delete('/v1/roles/auditor', { as: tenant.key })).status).toBe(404);
    });

    it('are listed with the built-in ones, which nobody changes', async () => {
      const { body } = await hive.get<{ items: { name: string; isBuiltIn: boolean }[] }>('/v1/roles', { as: tenant.key });
      expect(body.items.filter((r) => r.isBuiltIn).map((r) => r.name)).toEqual(['admin', 'operator', 'developer', 'agent', 'viewer']);
      expect((await hive.put('/v1/roles/admin', { scopes: [] }, { as: tenant.key })).body).toMatchObject({ status: 409, code: 'built-in' });
      expect((await hive.put('/v1/roles/Bad Name', { scopes: [] }, { as: tenant.key })).status).toBe(422);
      expect((await hive.put('/v1/roles/r', { scopes: ['nope'] }, { as: tenant.key })).status).toBe(422);
      const weak = await aKey(hive, tenant.key, { scopes: ['roles:write'] });
      expect((await hive.put('/v1/roles/r', { scopes: ['agents:read'] }, { as: weak.key })).body).toMatchObject({ status: 403, scope: 'agents:read' });
    });
  });

  describe('preferences', () => {
    const example = { theme: 'dark', language: 'en', notifications: { email: true, push: false } };

    it('are kept by user and category, with any JSON [S5.27, S5.34, S5.36]', async () => {
      const user = await add();
      const path = `/v1/users/${user.id}/preferences/ui_settings`;
      const made = await hive.put(path, { preferences: example }, { as: tenant.key });
      expect(made.body).toMatchObject({ userId: user.id, category: 'ui_settings', preferences: example, version: 1 });
      expect((await hive.get(path, { as: tenant.key })).body).toEqual(made.body);
      expect((await hive.put(path, { preferences: { theme: 'light' } }, { as: tenant.key, headers: { 'if-match': '"1"' } })).body).toMatchObject({ preferences: { theme: 'light' }, version: 2 });
      expect((await hive.put(path, { preferences: {} }, { as: tenant.key, headers: { 'if-match': '"1"' } })).status).toBe(412);
      expect((await hive.get<{ items: unknown[] }>(`/v1/users/${user.id}/preferences`, { as: tenant.key })).body.items).toHaveLength(1);
      expect((await hive.put(path, { preferences: [] }, { as: tenant.key })).status).toBe(422);
      expect((await hive.put(`/v1/users/${newId()}/preferences/x`, { preferences: {} }, { as: tenant.key })).status).toBe(404);
      expect((await hive.get(path, { as: other.key })).status).toBe(404);
      expect((await hive.delete(path, { as: tenant.key })).status).toBe(204);
      expect((await hive.get(path, { as: tenant.key })).status).toBe(404);
    });

    it('are written once by many first writers', async () => {
      const user = await add();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => hive.put(`/v1/users/${user.id}/preferences/race`, { preferences: { n } }, { as: tenant.key })));
      expect(answers.map((a) => a.status)).toEqual(Array(10).fill(200));
      expect((await hive.get(`/v1/users/${user.id}/preferences/race`, { as: tenant.key })).body).toMatchObject({ version: 10 });
    });

    it('are found by a value at a path, flat or nested, in the tenant only [S5.37, S5.38]', async () => {
      const me = await aTenant(hive);
      const users = [await add({}, me.key), await add({}, me.key)];
      await hive.put(`/v1/users/${users[0]!.id}/preferences/ui_settings`, { preferences: example }, { as: me.key });
      await hive.put(`/v1/users/${users[1]!.id}/preferences/ui_settings`, { preferences: { theme: 'light', notifications: { email: 'true' }, size: 5 } }, { as: me.key });
      const found = async (query: string, as = me.key) => (await hive.get<{ items: { userId: string }[] }>(`/v1/preferences?${query}`, { as })).body.items.map((p) => p.userId);
      expect(await found('path=theme&equals=dark')).toEqual([users[0]!.id]);
      expect(await found('path=notifications.email&equals=true&category=ui_settings')).toEqual([users[0]!.id]);
      expect(await found('path=notifications.email&equals="true"')).toEqual([users[1]!.id]);
      expect(await found('path=size&equals=5')).toEqual([users[1]!.id]);
      expect(await found('path=theme&equals=dark&category=other')).toEqual([]);
      expect(await found('path=theme&equals=dark', other.key)).toEqual([]);
      expect((await hive.get('/v1/preferences?path=a..b&equals=1', { as: me.key })).status).toBe(422);
      expect((await hive.get('/v1/preferences?path=a', { as: me.key })).status).toBe(422);
    });

    const onServer = testEngine() === 'server' ? it : it.skip;
    onServer('are found through their index under row level security (plans are read on a server: HIVE_TEST_DATABASE_URL) [S5.72, S4.102, S4.168]', async () => {
      const me = await aTenant(hive);
      await hive.database.execute(
        hive.orm,
        `with users as (select gen_random_uuid() as id, n from generate_series(1, 20000) n), u as (
           insert into identity."user" (tenant_id, id, email, user_data, created_at, updated_at) select '${me.id}', id, n || '@example.com', '{}', now(), now() from users)
         insert into identity.preference (tenant_id, user_id, category, preferences, created_at, updated_at)
         select '${me.id}', id, 'ui', jsonb_build_object('n', n, 'theme', 'dark'), now(), now() from users`,
      );
      // A plan is made for what is there: rows that arrived, and an index whose pending list was worked off.
      await hive.database.execute(hive.orm, 'vacuum analyze identity.preference');
      const [body] = await hive.database.execute<{ source: string }>(hive.orm, `select prosrc as source from pg_proc where proname = 'preferring'`);
      const query = body!.source.replaceAll('wanted', `'{"n": 77}'::jsonb`).replaceAll('in_category', 'null::text').replace(/nullif\(.*?\)::uuid/, `'${me.id}'::uuid`);
      const lines = await hive.database.execute<{ 'QUERY PLAN': string }>(hive.orm, `explain ${query}`);
      expect(lines.map((l) => l['QUERY PLAN']).join('\n')).toContain('preference_preferences_index');
    });
  });
});
