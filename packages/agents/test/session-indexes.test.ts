import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { selectLineage, selectPositions } from '../src/session/advance.sql.js';
import type { SessionQuery } from '../src/session/session.dto.js';
import { forgetUser, markExpired, selectSession, selectSessionByExternalId, selectSessions } from '../src/session/session.sql.js';
import { agentsApp, anAgent } from './world.js';

const TENANTS = 20;
const SESSIONS_EACH = 1_000;

describe('the indexes of sessions, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let known: string;
  let agent: string;
  let user: string;
  beforeAll(async () => {
    hive = await agentsApp();
    agent = (await anAgent(hive)).id;
    user = (await hive.post<{ id: string }>('/v1/users', { email: 'u@example.com' })).body.id;
    const run = (text: string) => hive.database.execute<{ id: string }>(hive.orm, text);
    const tenants = [hive.me.tenantId, ...Array.from({ length: TENANTS - 1 }, newId)].map((id) => `('${id}'::uuid)`).join(', ');
    await run(`
      insert into agents.session (tenant_id, id, external_id, name, agent_id, user_id, state, ended_at, expires_at, started_at, created_at, updated_at)
      select t.id, gen_random_uuid(), 'outside ' || n, 'session ' || n / 5, case when t.id = '${hive.me.tenantId}' and n % 50 = 0 then '${agent}'::uuid end,
             case when t.id = '${hive.me.tenantId}' and n % 50 = 1 then '${user}'::uuid end, s.state, case when s.state in ('completed', 'terminated') then now() end,
             case when n % 40 = 0 then now() + n * interval '1 minute' end, now(), now(), now()
        from (values ${tenants}) t(id), generate_series(1, ${SESSIONS_EACH}) n
       cross join lateral (select case when n % 20 = 0 then 'active' when n % 31 = 0 then 'terminated' else 'completed' end as state) s`);
    await run('vacuum (analyze) agents.session');
    known = (await run(`select id from agents.session where tenant_id = '${hive.me.tenantId}' limit 1`))[0]!.id;
  });
  afterAll(() => hive.close());

  const plan = async (work: (db: Sql) => Promise<unknown>): Promise<Plan> => (await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work)))[0]!;
  const list = (query: Partial<SessionQuery>) => (db: Sql) => selectSessions(db, { limit: 20, ...query }, undefined, new Date());

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['one session', 'session_pkey', (db) => selectSession(db, known)],
    ['one by its external id', 'session_external_id_unique', (db) => selectSessionByExternalId(db, 'outside 7')],
    ['the newest', 'session_pkey', list({})],
    ['the active ones', 'session_active_index', list({ state: 'active' })],
    ['those of a rare state', 'session_state_index', list({ state: 'paused' })],
    ['those of an agent', 'session_agent_index', (db) => selectSessions(db, { limit: 20, agentId: agent }, undefined, new Date())],
    ['those of a user', 'session_user_index', (db) => selectSessions(db, { limit: 20, userId: user }, undefined, new Date())],
    ['those of a name', 'session_name_index', list({ name: 'session 7' })],
    ['those whose time is over', 'session_expiry_index', (db) => markExpired(db, new Date())],
    ['those that a user leaves', 'session_user_index', (db) => forgetUser(db, user)],
    ['what a fork shares', 'session_pkey', (db) => selectLineage(db, known)],
    ['where they are', 'session_pkey', (db) => selectPositions(db, [known])],
  ])('%s: %s [S4.89]', async (_, index, work) => {
    const { indexes, scanned } = await plan(work);
    expect(indexes).toContain(index);
    expect(scanned).toEqual([]);
  });
});
