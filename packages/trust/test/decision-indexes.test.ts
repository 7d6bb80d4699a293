import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { lockApprovals, selectGate } from '../src/authorization/authorization.sql.js';
import { forgetJudge, lockDecision, selectDecision, selectDecisions } from '../src/decision/decision.sql.js';
import type { AgentDecisionQuery } from '../src/decision/decision.dto.js';
import { selectRunningStop } from '../src/emergency/emergency-stop.sql.js';
import { lockInactive, lockLapsedOverrides, selectLevelChanges, selectStandings } from '../src/level/standing.sql.js';
import { METRIC_TYPES } from '../src/metric/trust-metric.entity.js';
import { selectLatestMetrics, selectTrustMetrics } from '../src/metric/trust-metric.sql.js';
import { anAgent, aPerson, aSession, trustApp } from './world.js';

const ROWS = 20_000;
const AGENTS = 40;

describe('the indexes of decisions and trust, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let agent: string;
  let session: string;
  let person: string;
  const known = newId();
  beforeAll(async () => {
    hive = await trustApp();
    const made = [];
    for (let i = 0; i < AGENTS; i++) made.push((await anAgent(hive)).id);
    agent = made[0]!;
    session = (await aSession(hive, { id: agent })).id;
    person = (await aPerson(hive)).actor.id;
    const run = (text: string) => hive.database.execute(hive.orm, text);
    const [tenant, agents, day] = [hive.me.tenantId, `(array[${made.map((id) => `'${id}'::uuid`).join(', ')}])[1 + n % ${AGENTS}]`, `overlay(overlay('${newId()}' placing lpad(to_hex(n), 8, '0') from 25) placing '7' from 15)::uuid`];
    await run(`insert into trust.decision (tenant_id, id, session_id, agent_id, decision_type, risk, input_context, action_taken, outcome, outcome_reason, trust_level, user_feedback, feedback_by_id, feedback_at, created_at)
      select '${tenant}', ${day}, '${session}', ${agents}, (array['review', 'test', 'other'])[1 + n % 3], 'low', '{}', '{}', 'allowed', 'r', 2, case when n % 500 = 0 then 'rejected' else 'approved' end, case when n % 1000 = 0 then '${person}'::uuid end, now(), now()
        from generate_series(1, ${ROWS}) n`);
    await run(`insert into trust.standing (tenant_id, agent_id, action_class, level, judgements, judged_since_change, judged_count, approved_count, changed_at, active_at, override_level, override_expires_at, override_id)
      select '${tenant}', ${agents}, 'class ' || n, n % 3, '[]', 0, 0, 0, now(), now() - n * interval '1 second', case when n % 100 = 0 then 1 end, case when n % 100 = 0 then now() + n * interval '1 second' end, case when n % 100 = 0 then '${known}'::uuid end from generate_series(1, 8000) n`);
    await run(`insert into trust.judged_day (tenant_id, agent_id, action_class, day, judged_count, approved_count) select '${tenant}', ${agents}, 'class ' || n % 200, current_date - n / 200, 1, 1 from generate_series(1, 8000) n on conflict do nothing`);
    await run(`insert into trust.level_change (tenant_id, id, agent_id, action_class, kind, from_level, to_level, reason, evidence, policy_version, decided_by_type, decided_by_name, created_at)
      select '${tenant}', gen_random_uuid(), ${agents}, 'c', 'promotion', 0, 1, 'r', '{}', 0, 'service', 's', now() from generate_series(1, 8000) n`);
    await run(`insert into trust.trust_metric (tenant_id, id, agent_id, session_id, action_class, metric_type, metric_value, samples, is_daily, recorded_at)
      select '${tenant}', gen_random_uuid(), ${agents}, '${session}', 'c', (array['accuracy', 'autonomy', 'reliability'])[1 + n % 3], 1, 1, false, now() - n * interval '1 minute' from generate_series(1, ${ROWS}) n`);
    for (const table of ['decision', 'standing', 'judged_day', 'level_change', 'trust_metric']) await run(`vacuum (analyze) trust.${table}`);
  }, 120_000);
  afterAll(() => hive.close());

  const now = new Date();
  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work));
  const list = (query: Partial<AgentDecisionQuery>) => (db: Sql) => selectDecisions(db, { agentId: agent }, { limit: 20, ...query }, undefined);

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['one decision', 'pkey', (db) => selectDecision(db, known)],
    ['one that is judged', 'pkey', (db) => lockDecision(db, known)],
    ['those of an agent [S4.88]', 'agent_id_id', list({})],
    ['those of a type [S4.127]', 'agent_id_decision_type_id', list({ type: 'review' })],
    ['those that were rejected', 'agent_id_user_feedback_id', list({ feedback: 'rejected' })],
    ['those of a session', 'session_id_id', (db) => selectDecisions(db, { sessionId: newId() }, { limit: 20 }, undefined)],
    ['those that a user judged', 'feedback_by_id', (db) => forgetJudge(db, person)],
    ['the standings of an agent', 'standing_pkey', (db) => selectStandings(db, agent)],
    ['what the gate looks at', 'standing_pkey', (db) => selectGate(db, agent, null, now)],
    ['approvals of an action', 'interaction_action_index', (db) => lockApprovals(db, agent, 'x')],
    ['overrides that are over', 'standing_override_index', (db) => lockLapsedOverrides(db, now)],
    ['levels that nobody judged', 'standing_activity_index', (db) => lockInactive(db, new Date(now.getTime() - 7_900_000))],
    ['the changes of an agent', 'level_change_agent_index', (db) => selectLevelChanges(db, agent, undefined, 20)],
    ['the metrics of an agent', 'trust_metric_agent_index', (db) => selectTrustMetrics(db, agent, { limit: 20 }, undefined)],
    ['the metrics of a type', 'trust_metric_type_index', (db) => selectTrustMetrics(db, agent, { limit: 20, type: 'accuracy' }, { at: now, id: known })],
    ['the last of each type', 'trust_metric_type_index', (db) => selectLatestMetrics(db, agent, METRIC_TYPES)],
  ])('%s: %s, and no large table is scanned', async (_, index, work) => {
    const all = await plans(work);
    expect(all.flatMap((plan) => plan.indexes).join(' ')).toContain(index);
    // Months to come are empty, and reading nothing from end to end is no scan.
    const month = `decision_${now.toISOString().slice(0, 7).replace('-', '')}`;
    expect(all.flatMap((plan) => plan.scanned).filter((table) => table === month || /standing|judged_day|level_change|trust_metric/.test(table))).toEqual([]);
  });

  it('what stops the fleet is one probe', async () => {
    const all = await plans(selectRunningStop);
    expect(all.flatMap((plan) => plan.tables)).toEqual(['emergency_stop']);
  });
});
