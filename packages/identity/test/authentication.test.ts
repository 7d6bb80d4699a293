import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { ADMIN_KEY, aKey, aTenant, identityApp } from './world.js';

describe('authentication', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  beforeAll(async () => {
    hive = await identityApp();
    tenant = await aTenant(hive);
  });
  afterAll(() => hive.close());

  const me = (as: string | null) => hive.get('/v1/me', { as });

  it('tells a key who it is [S1.6]', async () => {
    const agentId = newId();
    const key = await aKey(hive, tenant.key, { scopes: ['agents:read'], role: 'agent', agentId, name: 'scout' });
    expect((await me(key.key)).body).toEqual({
      tenantId: tenant.id, actor: { type: 'agent', id: agentId, name: 'scout' }, role: 'agent', keyId: key.id,
      scopes: expect.arrayContaining(['agents:read', 'agents:heartbeat', 'audit:write']),
    });
    expect((await me(ADMIN_KEY)).body).toMatchObject({ actor: { type: 'service', name: 'platform' }, scopes: ['*', 'tenants:write'], keyId: null });
  });

  it('answers every kind of wrong key the same', async () => {
    const key = await aKey(hive, tenant.key, { scopes: ['agents:read'] });
    const [, env, tenantHex, keyHex] = key.key.split('_');
    const other = await aTenant(hive);
    const expired = await aKey(hive, tenant.key, { scopes: [], expiresAt: new Date(Date.now() + 300).toISOString() });
    const revoked = await aKey(hive, tenant.key, { scopes: [] });
    await hive.delete(`/v1/api-keys/${revoked.id}`, { as: tenant.key });
    await new Promise((resolve) => setTimeout(resolve, 350));
    const wrong = [
      'nonsense', `${key.key}x`, key.key.slice(0, -1) + (key.key.endsWith('A') ? 'B' : 'A'), `hive_${env}_${tenantHex}_${newId().replaceAll('-', '')}_${'A'.repeat(43)}`,
      `hive_${env}_${other.id.replaceAll('-', '')}_${keyHex}_${key.key.slice(-43)}`, expired.key, revoked.key, 'a.b.c', `${ADMIN_KEY}x`,
    ];
    const answers = await Promise.all([null, ...wrong].map((text) => me(text)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify({ ...body, requestId: '' })}`)).size).toBe(1);
    expect(answers[0]!.status).toBe(401);
    expect(answers[0]!.headers.get('www-authenticate')).toBe('Bearer');
    expect((await me(key.key)).status).toBe(200);
  });

  it('refuses a scope that is missing, and names it', async () => {
    const key = await aKey(hive, tenant.key, { scopes: ['agents:read'] });
    expect((await hive.get('/v1/users', { as: key.key })).body).toMatchObject({ status: 403, code: 'missing-scope', scope: 'users:read' });
    expect((await hive.post('/v1/tenants', { slug: 'x', name: 'x' }, { as: tenant.key })).body).toMatchObject({ status: 403, scope: 'tenants:write' });
  });

  describe('for a user of a role', () => {
    const scopesOf = async (key: string) => (await hive.get<{ scopes: string[] }>('/v1/me', { as: key })).body.scopes.toSorted();
    const aUser = async (body: object) => (await hive.post<{ id: string }>('/v1/users', { email: `${newId()}@example.com`, ...body }, { as: tenant.key })).body.id;

    it('lets a key that names nothing open what the role does, at once when it changes [S1.6]', async () => {
      await hive.put('/v1/roles/clerk', { scopes: ['projects:*', 'users:read'] }, { as: tenant.key });
      const userId = await aUser({ role: 'clerk' });
      const { key } = await aKey(hive, tenant.key, { scopes: [], userId });
      expect((await me(key)).body).toMatchObject({ role: 'clerk', scopes: ['projects:*', 'users:read'] });
      expect((await hive.post('/v1/projects', { name: 'p' }, { as: key })).status).toBe(201);
      await hive.patch(`/v1/users/${userId}`, { role: 'viewer' }, { as: tenant.key, headers: { 'if-match': '*' } });
      expect((await hive.post('/v1/projects', { name: 'p' }, { as: key })).body).toMatchObject({ status: 403, code: 'missing-scope' });
    });

    it('bounds every key of the user, also one that names more', async () => {
      await hive.put('/v1/roles/clerk', { scopes: ['projects:*', 'users:read'] }, { as: tenant.key });
      const userId = await aUser({ role: 'clerk' });
      const key = async (body: object) => (await aKey(hive, tenant.key, { userId, ...body })).key;
      expect(await scopesOf(await key({ scopes: ['*'] }))).toEqual(['projects:*', 'users:read']);
      expect(await scopesOf(await key({ scopes: ['projects:read', 'agents:read', 'users:*'] }))).toEqual(['projects:read', 'users:read']);
      expect(await scopesOf(await key({ scopes: ['agents:write'] }))).toEqual([]);
      expect(await scopesOf(await key({ scopes: [], role: 'agent' }))).toEqual(['projects:read']);
      const free = await aUser({});
      expect(await scopesOf((await aKey(hive, tenant.key, { scopes: ['agents:write'], userId: free })).key)).toEqual(['agents:write']);
      expect(await scopesOf((await aKey(hive, tenant.key, { scopes: [], userId: free })).key)).toEqual([]);
    });

    it('lets nobody give, by role or by key, what they do not hold', async () => {
      const weak = await aKey(hive, tenant.key, { scopes: ['users:write', 'keys:write'] });
      const admin = await aUser({ role: 'admin' });
      const refused = { status: 403, code: 'missing-scope' };
      expect((await hive.post('/v1/api-keys', { name: 'k', scopes: [], userId: admin }, { as: weak.key })).body).toMatchObject(refused);
      expect((await hive.post('/v1/users', { email: 'x@example.com', role: 'admin' }, { as: weak.key })).body).toMatchObject(refused);
      const user = await aUser({ role: 'viewer' });
      const patch = (body: object) => hive.patch(`/v1/users/${user}`, body, { as: weak.key, headers: { 'if-match': '*' } });
      expect((await patch({ role: 'operator' })).body).toMatchObject(refused);
      expect((await patch({ role: null })).body).toMatchObject({ ...refused, scope: '*' });
      expect((await patch({ role: 'viewer', name: 'same role' })).status).toBe(200);
      const { id } = await aKey(hive, tenant.key, { scopes: [], userId: admin });
      expect((await hive.post(`/v1/api-keys/${id}/rotation`, {}, { as: weak.key })).body).toMatchObject(refused);
    });
  });

  it('notes when a key was used, without being asked twice a minute', async () => {
    const key = await aKey(hive, tenant.key, { scopes: ['keys:read'] });
    await me(key.key);
    for (let i = 0; i < 50; i++) {
      const { body } = await hive.get<{ lastUsedAt: string | null }>(`/v1/api-keys/${key.id}`, { as: tenant.key });
      if (body.lastUsedAt !== null) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('the use of the key was never noted');
  });

  describe('by the tokens of an issuer', () => {
    let server: Server;
    let issuer: string;
    let sign: (claims: JWTPayload, options?: { audience?: string; expires?: string; issuer?: string }) => Promise<string>;
    let forge: typeof sign;

    beforeAll(async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256');
      const stranger = await generateKeyPair('ES256');
      const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
      server = createServer((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] })));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const by = (key: typeof privateKey): typeof sign => (claims, { audience = 'hive', expires = '5m', issuer: name = issuer } = {}) =>
        new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setIssuer(name).setAudience(audience).setIssuedAt().setExpirationTime(expires).sign(key);
      sign = by(privateKey);
      forge = by(stranger.privateKey);
      const made = await hive.post('/v1/oidc-issuers', { issuer, audience: 'hive', jwksUri: `${issuer}/keys` }, { as: ADMIN_KEY });
      expect(made.status).toBe(201);
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));

    it('takes tenant, scopes and person from the claims, and nothing beyond a tenant', async () => {
      const sub = newId();
      const token = await sign({ tenant: tenant.id, scope: 'users:read tenants:write tenants:* nonsense', sub, email: 'ada@example.com' });
      expect((await me(token)).body).toEqual({ tenantId: tenant.id, actor: { type: 'user', id: sub, name: 'ada@example.com' }, scopes: ['users:read'], role: null, keyId: null });
      expect((await hive.get('/v1/users', { as: token })).status).toBe(200);
      expect((await hive.get('/v1/projects', { as: token })).status).toBe(403);
    });

    it('refuses every token with something wrong about it', async () => {
      const claims = { tenant: tenant.id, scope: 'users:read' };
      const wrong = [
        await forge(claims), await sign(claims, { audience: 'another' }), await sign(claims, { expires: '-1m' }), await sign(claims, { issuer: 'http://127.0.0.1:1' }),
        await sign({ ...claims, tenant: newId() }), await sign({ ...claims, tenant: 'default' }), await sign({ scope: 'users:read' }),
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...claims, iss: issuer, aud: 'hive', exp: 9e9 })).toString('base64url')}.`,
      ];
      for (const token of wrong) expect((await me(token)).status).toBe(401);
    });

    const unsigned = (claims: object) => `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.AAAA`;

    it.each([[true], [5], [[1, 2]], [{}], [{ $or: [] }], [{ a: 1 }], [{ $like: '%' }], [{ $re: '^(a+)+$' }], [{ $ne: null }], [null], ['a\0b'], ['\ud800'], ['x'.repeat(501)]])(
      'asks the database for no issuer that is no name: %j',
      async (iss) => {
        const answer = await me(unsigned({ iss, tenant: tenant.id, exp: 9e9 }));
        expect(answer.body).toMatchObject({ status: 401, code: 'unauthenticated' });
      },
    );

    it('bounds a token by the role of its user, and gives one that names no scope what the role opens [S1.6]', async () => {
      const { body } = await hive.post<{ id: string }>('/v1/users', { email: `${newId()}@example.com`, role: 'developer' }, { as: tenant.key });
      const token = (scope?: string) => sign({ tenant: tenant.id, sub: body.id, ...(scope && { scope }) });
      expect((await me(await token())).body).toMatchObject({ role: 'developer', scopes: expect.arrayContaining(['agents:*', 'audit:read']) });
      expect((await me(await token('openid profile'))).body).toMatchObject({ scopes: expect.arrayContaining(['agents:*', 'audit:read']) });
      expect((await me(await token('agents:read users:write *'))).body).toMatchObject({ scopes: expect.not.arrayContaining(['users:write', '*']) });
      expect((await me(await token('agents:read users:write'))).body).toMatchObject({ scopes: ['agents:read'] });
    });

    it('writes the names in a token as the record can keep them, and its tenant as the hive writes ids', async () => {
      const claims = { tenant: tenant.id.toUpperCase(), scope: 'users:write' };
      const odd = await sign({ ...claims, sub: 'a\0b\ud800\nc' });
      expect((await me(odd)).body).toMatchObject({ tenantId: tenant.id, actor: { type: 'user', id: null, name: 'a\ufffdb\ufffd\ufffdc' } });
      expect((await hive.post('/v1/users', { email: `${newId()}@example.com` }, { as: odd })).status).toBe(201);
      const sub = newId();
      const numbers = await sign({ ...claims, sub: sub.toUpperCase(), email: 7 });
      expect((await me(numbers)).body).toMatchObject({ actor: { type: 'user', id: sub, name: sub.toUpperCase() } });
      const nameless = await sign({ ...claims, sub: { $ne: null }, email: [] } as unknown as JWTPayload);
      expect((await me(nameless)).body).toMatchObject({ actor: { id: null, name: issuer } });
    });

    it('is the platform\'s to set up', async () => {
      expect((await hive.get('/v1/oidc-issuers', { as: tenant.key })).status).toBe(403);
      expect((await hive.post('/v1/oidc-issuers', { issuer, audience: 'hive', jwksUri: issuer }, { as: ADMIN_KEY })).body).toMatchObject({ status: 409 });
      const { body } = await hive.get<{ items: { id: string; issuer: string }[] }>('/v1/oidc-issuers', { as: ADMIN_KEY });
      expect(body.items.map((i) => i.issuer)).toContain(issuer);
      expect((await hive.delete(`/v1/oidc-issuers/${newId()}`, { as: ADMIN_KEY })).status).toBe(404);
      expect((await hive.delete(`/v1/oidc-issuers/${body.items[0]!.id}`, { as: ADMIN_KEY })).status).toBe(204);
    });
  });
});
