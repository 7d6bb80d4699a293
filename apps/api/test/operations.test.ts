import { WorkloadService } from '@agent-hive/agents';
import { SealingService } from '@agent-hive/audit';
import { newId, runAs, servicePrincipal, tenantRead } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { bodyOf, fill, operations, operationWorld, type Answer, type Operation, type OperationWorld } from './operation-world.js';
import { ADMIN_KEY, openTestHive, type OpenTestHive } from './world.js';

/*
 * Generated from openapi.json: every operation, for strangers. An operation that is added there is checked here without
 * anyone asking; one with an id and no object to try it on fails until it gets one in operation-world.ts.
 */
const guarded = operations.filter((o) => o.scope !== undefined);
const withId = guarded.filter((o) => o.path.includes('{'));
const platform = (o: Operation) => o.scope === 'tenants:write';

/** Operations that name something by a key of the caller's own making: a stranger's call makes the stranger's own. */
const NATURAL_KEYS = ['agents_upsert', 'agentTypes_upsert', 'roles_upsert', 'queues_upsert', 'queues_upsertLimit', 'topics_upsert', 'reviewRules_upsert'];

/** Reads of such a name answer for everybody: what nobody has set is at its default. */
const DEFAULTED = ['queues_getLimit'];

/** Lists that must be asked for something. */
const ASKED: Record<string, string> = { preferences_list: 'path=a&equals=1&', messages_search: 'q=a&' };

describe('every operation', () => {
  let hive: OpenTestHive;
  let world: OperationWorld;
  let [a, b] = [{ id: '', key: '' }, { id: '', key: '' }];

  beforeAll(async () => {
    hive = await openTestHive();
    world = await operationWorld(hive);
    ({ a, b } = world);
  }, 180_000);
  afterAll(() => hive.close());

  /** An answer without what grows by itself from one second to the next. */
  const steady = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer, (name, value: unknown) => (name.endsWith('AgeSeconds') ? undefined : value)));
  const label = (o: Operation) => [`${o.method} ${o.path}`, o] as const;

  it('states its scope, or is meant for everybody', () => {
    expect(operations.filter((o) => o.scope === undefined).map((o) => o.path)).toEqual(expect.arrayContaining(['/livez', '/readyz']));
    expect(operations.filter((o) => o.scope === undefined && o.path.startsWith('/v1'))).toEqual([]);
    expect(withId.length).toBeGreaterThan(40);
  });

  it.each(guarded.map(label))('%s answers nobody without a key', async (_, o) => {
    const path = fill(o.path, { id: newId(), toolId: newId(), serverId: newId(), otherId: newId() });
    for (const key of [null, 'nonsense']) expect(await world.call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  it.each(guarded.filter((o) => o.scope !== 'anyone').map(label))('%s needs its scope and says which', async (_, o) => {
    const { key } = await world.made<{ key: string }>('/v1/api-keys', { name: 'weak', scopes: [o.scope === 'audit:read' ? 'users:read' : 'audit:read'] }, b.key);
    const path = fill(o.path, { id: newId(), toolId: newId(), serverId: newId(), otherId: newId() });
    expect(await world.call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 403, body: { code: 'missing-scope', scope: o.scope } });
  });

  it.each(withId.filter((o) => !platform(o) && !NATURAL_KEYS.includes(o.id) && !DEFAULTED.includes(o.id)).map(label))('%s tells a stranger what it tells of an id that nobody has, and serves the owner [S4.96, S1.95]', async (_, o) => {
    const own = await world.subject(o);
    const unknown = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, name === 'name' || name === 'category' || name === 'number' ? value : newId()]));
    const before = o.path.startsWith('/v1/tenants') ? null : await world.call('GET', '/v1/audit/entries?limit=1&total=true', a.key);
    const [stranger, nobody] = [await world.call(o.method, fill(o.path, own), b.key, bodyOf(o)), await world.call(o.method, fill(o.path, unknown), b.key, bodyOf(o))];
    const neutral = ({ status, body }: Answer, ids: Record<string, string>) =>
      JSON.stringify({ status, body: { ...body, requestId: '' } }).replaceAll(new RegExp(Object.values(ids).join('|'), 'g'), 'ID');
    expect(stranger.status).toBe(404);
    expect(neutral(stranger, own)).toBe(neutral(nobody, unknown));
    if (before) expect((await world.call('GET', '/v1/audit/entries?limit=1&total=true', a.key)).body!.total).toBe(before.body!.total);
    const owner = o.path.startsWith('/v1/tenants') ? ADMIN_KEY : a.key;
    if (o.id === 'tools_delete' || o.id === 'mcpServers_delete' || o.id === 'agents_delete') expect([204, 409]).toContain((await world.call(o.method, fill(o.path, own), owner)).status);
    else expect((await world.call(o.method, fill(o.path, own), owner, bodyOf(o))).status).toBeLessThan(300);
  });

  it.each(withId.filter((o) => NATURAL_KEYS.includes(o.id)).map(label))("%s under a stranger's name makes the stranger's own", async (_, o) => {
    const own = await world.subject(o);
    const read = async () => steady(await world.call('GET', o.id === 'agents_upsert' ? fill(o.path, own) : o.path.replace('/{name}', '').replace('{key}', own.key ?? ''), a.key));
    const before = await read();
    expect((await world.call(o.method, fill(o.path, own), b.key, bodyOf(o))).status).toBeLessThan(300);
    expect(await read()).toEqual(before);
  });

  it.each(withId.filter(platform).map(label))("%s is the platform's: a tenant is told so, and the platform served", async (_, o) => {
    const own = await world.subject(o);
    expect(await world.call(o.method, fill(o.path, own), b.key, bodyOf(o))).toMatchObject({ status: 403, body: { scope: 'tenants:write' } });
    expect((await world.call(o.method, fill(o.path, own), ADMIN_KEY, bodyOf(o))).status).toBeLessThan(300);
  });

  it.each(guarded.filter(platform).map(label))('%s opens to no wildcard, whatever key or noun it stands in', async (_, o) => {
    const { id, key } = await world.made<{ id: string; key: string }>('/v1/api-keys', { name: 'greedy', scopes: ['*'] }, b.key);
    // No operation gives a key some of these: the guard must not rely on that.
    const wildcards = ['*', ...new Set(guarded.map(({ scope }) => `${scope!.split(':')[0]}:*`))];
    await hive.database.execute(hive.orm, `update identity.api_key set scopes = '${JSON.stringify(wildcards)}' where id = '${id}'`);
    const path = fill(o.path, { id: b.id });
    expect(await world.call(o.method, path, key, bodyOf(o))).toMatchObject({ status: 403, body: { code: 'missing-scope', scope: 'tenants:write' } });
  });

  it.each(withId.filter((o) => /\{(id|toolId|serverId|otherId)\}/.test(o.path)).map(label))('%s refuses what is no UUID', async (_, o) => {
    const answer = await world.call(o.method, fill(o.path, { id: "1' or '1'='1", toolId: newId(), serverId: newId(), otherId: newId() }), ADMIN_KEY, bodyOf(o));
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });

  it.each(operations.filter((o) => o.query.includes('cursor')).map(label))('%s takes no cursor that it did not give out', async (_, o) => {
    const path = fill(o.path, o.path.includes('{') ? await world.subject(o) : {});
    const asked = ASKED[o.id] ?? '';
    for (const key of [['abc'], ['abc', 'x'], ['a\0b'], [newId(), 'a\0b'], ['\ud800'], [{ $ne: null }], [1], [1e300]]) {
      const answer = await world.call('GET', `${path}?${asked}cursor=${Buffer.from(JSON.stringify(key)).toString('base64url')}`, a.key);
      // Lists by name or by version take any of those.
      const fits = (o.id.startsWith('promptTemplates_') || o.path.endsWith('/versions') || o.id === 'topics_list' || o.id === 'checkpoints_list') && key.length === 1 && answer.status === 200;
      expect([key, fits || answer.status]).toEqual([key, fits || 422]);
    }
  });

  describe('and every table', () => {
    it('shows a tenant its own rows, another none of them, and nobody any [S4.96, S4.134, S1.95]', async () => {
      const agent = await world.anAgent();
      await world.made(`/v1/agents/${agent.id}/heartbeat`, { status: 'active' });
      await world.made('/v1/roles/r', { scopes: [] }, a.key, 'PUT');
      await world.made('/v1/agent-types/t', {}, a.key, 'PUT');
      await world.made('/v1/projects', { name: 'p' });
      const user = await world.made('/v1/users', { email: `${newId()}@example.com` });
      await world.made(`/v1/users/${user.id}/preferences/ui`, { preferences: {} }, a.key, 'PUT');
      await fetch(`${hive.url}/v1/projects`, { method: 'POST', body: '{"name":"keyed"}', headers: { authorization: `Bearer ${a.key}`, 'content-type': 'application/json', 'idempotency-key': newId() } });
      const { em } = hive.orm;
      const report = { agentId: agent.id!, openCount: 1, succeededCount: 0, failedCount: 0, meanDurationMs: null, p95DurationMs: null, windowSeconds: 60, measuredAt: new Date() };
      await runAs(em, servicePrincipal(a.id, 'test'), () => hive.app.get(WorkloadService, { strict: false }).report([report]));
      await world.someWork(agent.id!);
      await world.aSession();
      await world.someKnowledge();
      await world.anArchive();
      await runAs(em, servicePrincipal(a.id, 'test'), () => hive.app.get(SealingService, { strict: false }).seal());
      const tables = await hive.database.execute<{ name: string }>(
        hive.orm,
        `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id'
          where c.relkind in ('r', 'p') and not c.relispartition order by 1`,
      );
      expect(tables.length).toBeGreaterThan(15);
      /** Rows of the table whose tenant is `of`, as the application sees them when it works for `as`. */
      const count = (as: string, table: string, of: string) =>
        runAs(em, servicePrincipal(as, 'test'), () => tenantRead(em, async (db) => Number((await sql<{ n: string }>`select count(*) as n from ${sql.table(table)} where tenant_id = ${of}`.execute(db)).rows[0]!.n)));
      const nobody = (table: string) =>
        em.getConnection().transactional(async (tx) => {
          await sql`set local role hive_app`.execute(tx);
          return Number((await sql<{ n: string }>`select count(*) as n from ${sql.table(table)}`.execute(tx)).rows[0]!.n);
        });
      for (const { name } of tables) {
        expect([name, (await count(a.id, name, a.id)) > 0]).toEqual([name, true]);
        expect([name, await count(b.id, name, a.id)]).toEqual([name, 0]);
        expect([name, await nobody(name)]).toEqual([name, 0]);
      }
    });
  });
});
