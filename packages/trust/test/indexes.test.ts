import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import type { InteractionQuery } from '../src/interaction/interaction.dto.js';
import { forgetResponder, lockInteraction, selectInteraction, selectInteractions } from '../src/interaction/interaction.sql.js';
import { lockLapsed } from '../src/interaction/transition.sql.js';
import { anAgent, aPerson, trustApp } from './world.js';

const INTERACTIONS = 20_000;

describe('the indexes of interactions, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let agent: string;
  let person: string;
  const [known, session] = [newId(), newId()];
  beforeAll(async () => {
    hive = await trustApp();
    agent = (await anAgent(hive)).id;
    person = (await aPerson(hive)).actor.id;
    const tenants = [hive.me.tenantId, newId()].map((id) => `('${id}'::uuid)`).join(', ');
    const mine = `t.id = '${hive.me.tenantId}'`;
    await hive.database.execute(
      hive.orm,
      `insert into trust.interaction (tenant_id, id, type, status, subject_type, subject_id, agent_id, session_id, content, priority, responded_at, responded_by_id, expires_at, created_at, updated_at)
       select t.id, gen_random_uuid(), (array['notification', 'decision_point', 'clarification_request'])[1 + n % 3], s.status, 'task', case when n = 7 then '${known}' else gen_random_uuid() end,
              case when ${mine} and n % 100 = 50 then '${agent}'::uuid end, case when n % 100 = 3 then '${session}'::uuid end, '"x"', n % 10, case s.status when 'answered' then now() end,
              case when ${mine} and n % 200 = 1 and s.status = 'answered' then '${person}'::uuid end, case when n % 10 = 2 then now() + n * interval '1 second' end, now(), now()
         from (values ${tenants}) t(id), generate_series(1, ${INTERACTIONS}) n cross join lateral (select case when n % 20 = 2 then 'pending' when n % 20 = 3 then 'expired' when n % 1000 = 5 then 'cancelled' else 'answered' end as status) s`,
    );
    await hive.database.execute(hive.orm, 'vacuum (analyze) trust.interaction');
  });
  afterAll(() => hive.close());

  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, work));
  const now = new Date();
  const list = (query: Partial<InteractionQuery>, after?: { id: string; priority?: number }) => (db: Sql) => selectInteractions(db, { limit: 20, ...query }, after, now);

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['one', 'interaction_pkey', (db) => selectInteraction(db, known)],
    ['one that is held', 'interaction_pkey', (db) => lockInteraction(db, known, 'share')],
    ['the newest', 'interaction_pkey', list({})],
    ['those of a status', 'interaction_status_index', list({ status: 'cancelled' })],
    ['the next pending ones', 'interaction_status_index', list({ status: 'pending' }, { id: known })],
    ['expired ones that were swept', 'interaction_status_index', list({ status: 'expired' })],
    ['expired ones that were not', 'interaction_expiry_index', list({ status: 'expired' })],
    ['the most urgent', 'interaction_urgency_index', list({ status: 'pending', order: 'priority' })],
    ['the next most urgent', 'interaction_urgency_index', list({ status: 'pending', order: 'priority' }, { id: known, priority: 5 })],
    ['those of a type that are rare', 'interaction_type_index', list({ type: 'approval_request' })],
    ['those of an agent', 'interaction_agent_index', (db) => selectInteractions(db, { limit: 20, agentId: agent }, undefined, now)],
    ['those of a session', 'interaction_session_index', list({ sessionId: session })],
    ['those about something', 'interaction_subject_index', list({ subjectId: known })],
    ['those that a user answered', 'interaction_responded_by_index', (db) => forgetResponder(db, person, now)],
    ['a sweep', 'interaction_expiry_index', (db) => lockLapsed(db, now)],
  ])('%s: %s, and no table is scanned', async (_, index, work) => {
    const all = await plans(work);
    expect(all.flatMap((plan) => plan.indexes)).toContain(index);
    expect(all.flatMap((plan) => plan.scanned)).toEqual([]);
  });
});
