import { currentTenantId, newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { sql } from 'kysely';
import type { AgentQuery } from '../src/agent/agent.dto.js';
import { selectAgent, selectAgentByExternalId, selectAgents } from '../src/agent/agent.sql.js';
import { weightsFor } from '../src/match/matches.service.js';
import { selectMatches } from '../src/match/match.sql.js';
import { agentsApp } from './world.js';

const TENANTS = 20;
const AGENTS_EACH = 1_000;

describe('the indexes of agents, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let known: string;
  let project: string;
  beforeAll(async () => {
    hive = await agentsApp();
    project = (await hive.post<{ id: string }>('/v1/projects', { name: 'explained' })).body.id;
    const run = (text: string) => hive.database.execute<{ id: string }>(hive.orm, text);
    const tenants = [hive.me.tenantId, ...Array.from({ length: TENANTS - 1 }, newId)].map((id) => `('${id}'::uuid)`).join(', ');
    await run(`
      insert into agents.agent (tenant_id, id, name, type, persona_type, capabilities, external_id, project_id, performance_score, enhanced_features_enabled, created_at, updated_at)
      select t.id, gen_random_uuid(), 'agent ' || n, (array['general-purpose', 'qa-test-guardian', 'backend-engineer'])[1 + n % 3], case when n % 50 = 0 then 'qa' end,
             jsonb_build_array('skill ' || n % 100), 'outside ' || n, case when t.id = '${hive.me.tenantId}' and n % 100 = 0 then '${project}'::uuid end, n % 101, n % 20 = 0, now(), now()
        from (values ${tenants}) t(id), generate_series(1, ${AGENTS_EACH}) n`);
    await run(`
      insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count, last_heartbeat_at)
      select tenant_id, id, case right(name, 2) when '00' then 'busy' when '50' then 'error' else 'initializing' end, now(), 0, now() from agents.agent`);
    // Vacuumed, as autovacuum does: rows that wait in a GIN index's pending list make it look expensive.
    await run('vacuum (analyze) agents.agent, agents.presence');
    known = (await run(`select id from agents.agent where tenant_id = '${hive.me.tenantId}' limit 1`))[0]!.id;
  });
  afterAll(() => hive.close());

  const plan = async (work: (db: Sql) => Promise<unknown>): Promise<Plan> => (await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work)))[0]!;
  const list = (query: Partial<AgentQuery>) => (db: Sql) => selectAgents(db, { limit: 20, ...query }, undefined);

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['one agent', 'agent_pkey', (db) => selectAgent(db, known)],
    ['one by its external id', 'agent_external_id_unique', (db) => selectAgentByExternalId(db, 'outside 7')],
    ['the newest', 'agent_pkey', list({})],
    ['those of a name', 'agent_name_index', list({ name: 'agent 7' })],
    ['those of a persona', 'agent_persona_index', list({ personaType: 'qa' })],
    ['those of a project', 'agent_project_index', (db) => selectAgents(db, { limit: 20, projectId: project }, undefined)],
    ['those of a status', 'presence_status_index', list({ status: 'error' })],
    ['those without a type any more', 'agent_type_index', list({ type: 'no-such-type' })],
    ['matches without a wanted capability', 'presence_heartbeat_index', (db) => selectMatches(db, {}, weightsFor({}), { first: 'score', limit: 5, now: new Date() })],
    ['matches among the enhanced ones', 'agent_enhanced_features_index', (db) => selectMatches(db, {}, weightsFor({}), { first: 'score', limit: 5, now: new Date() })],
    ['the best by score', 'agent_performance_score_index', (db) => sql`select id from agents.agent where tenant_id = ${currentTenantId()} order by performance_score desc, id desc limit 20`.execute(db)],
  ])('%s: %s [S1.58, S1.59, S2.38, S2.59, S2.60, S4.102]', async (_, index, work) => {
    const { indexes, scanned } = await plan(work);
    expect(indexes).toContain(index);
    expect(scanned).toEqual([]);
  });

  it('those with a capability: agent_capabilities_index by the capability itself, inside the function that may [S1.73]', async () => {
    const [body] = await hive.database.execute<{ text: string }>(hive.orm, `select prosrc as text from pg_proc where oid = 'agents.capable(text[])'::regprocedure`);
    const inner = body!.text.replace('unnest(wanted)', `unnest(array['skill 7'])`).replace('any (wanted)', `any (array['skill 7'])`);
    const rows = await hive.database.execute<{ 'QUERY PLAN': string }>(hive.orm, `explain ${inner.replaceAll(`nullif(current_setting('app.tenant_id', true), '')::uuid`, `'${hive.me.tenantId}'::uuid`)}`);
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Bitmap Index Scan on agent_capabilities_index.*\n *Index Cond: .*capabilities \? w\.name/);
  });
});
