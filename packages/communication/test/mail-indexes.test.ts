import { newId, runAs, type Sql } from '@agent-hive/kernel';
import { explain, type Plan, type TestApp } from '@agent-hive/kernel/testing';
import { countDeliveriesOf, selectDeadLetters, selectDeliveries, selectDelivery } from '../src/delivery/delivery.sql.js';
import { handOut } from '../src/delivery/hand-out.sql.js';
import { hasUnnumbered, numberDeliveries, selectNumbered, selectStart } from '../src/delivery/inbox-stream.sql.js';
import { reportOfAgent, reportOfMessage } from '../src/delivery/report.sql.js';
import { acknowledge, redrive, reject } from '../src/delivery/settlement.sql.js';
import { sweepDue, sweepExpired } from '../src/delivery/sweep.sql.js';
import type { AgentMessageQuery } from '../src/mail/agent-message.dto.js';
import { countMessagesOf, selectMessage, selectMessages, selectReceived, selectRequest } from '../src/mail/agent-message.sql.js';
import { sendLetter, type Letter } from '../src/mail/send.sql.js';
import { markAllRead, selectNotifications } from '../src/notification/notification.sql.js';
import { countSubscriptionsOf, selectSubscriptions } from '../src/topic/topic.sql.js';
import { anAgent, communicationApp } from './mail-world.js';

const MESSAGES = 20_000;
const AGENTS = 200;

describe('the indexes of mail, by the plans of the statements that they serve', () => {
  let hive: TestApp;
  let [agent, user, message, delivery] = ['', '', '', ''];
  beforeAll(async () => {
    hive = await communicationApp();
    agent = (await anAgent(hive)).id;
    user = (await hive.post<{ id: string }>('/v1/users', { email: 'explained@example.com' })).body.id;
    const run = (text: string) => hive.database.execute<{ id: string }>(hive.orm, text);
    const tenants = [hive.me.tenantId, newId()].map((id) => `('${id}'::uuid)`).join(', ');
    const id = `(lpad(to_hex((extract(epoch from now()) * 1000)::bigint + n), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid`;
    await run(`
      with made as (insert into agents.agent (tenant_id, id, name, type, created_at, updated_at) select t.id, gen_random_uuid(), 'a' || n, 'general-purpose', now(), now() from (values ${tenants}) t(id), generate_series(1, ${AGENTS}) n returning *)
      insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count) select tenant_id, id, 'idle', now(), 0 from made`);
    await run(`create temporary table numbered as select tenant_id, id, row_number() over (partition by tenant_id order by id <> '${agent}', id) - 1 as k from agents.agent`);
    await run(`
      insert into communication.agent_message (tenant_id, id, from_agent_id, to_agent_id, topic, type, content, correlation_id, priority, max_deliveries, message_metadata, recipient_count, sent_at)
      select f.tenant_id, ${id}, f.id, case when n % 3 > 0 then a.id end, case when n % 3 = 0 then 'topic ' || n % 20 end, case when n % 5 = 1 then 'request' else 'message' end, '{}',
             case when n % 5 = 1 then 'correlation ' || n % 1000 end, n % 10, 5, '{}', 1, now()
        from generate_series(1, ${MESSAGES}) n join numbered f on f.k = n % ${AGENTS} join numbered a on a.tenant_id = f.tenant_id and a.k = (n * 7) % ${AGENTS}`);
    await run(`
      insert into communication.delivery (tenant_id, id, message_id, agent_id, state, priority, attempt, max_deliveries, redrive_count, receipt, available_at, expires_at, sent_at, settled_at, sequence)
      select a.tenant_id, gen_random_uuid(), ${id}, a.id, s.state, n % 10, 0, 5, 0, 0, case when s.state = 'delivered' or n % 100 = 0 and s.state = 'pending' then now() + n * interval '1 second' end,
             case when n % 50 = 3 then now() + n * interval '1 second' end, now(), case when s.state not in ('pending', 'delivered') then now() end, case when n % 2 = 0 then n end
        from generate_series(1, ${MESSAGES}) n join numbered a on a.k = (n * 7) % ${AGENTS}
       cross join lateral (select case when n % 200 = 9 then 'dead' when n % 20 = 5 then 'delivered' when n % 10 < 2 then 'pending' else 'acknowledged' end as state) s`);
    await run(`insert into communication.topic (tenant_id, name, created_at, updated_at) select t.id, 'topic ' || n, now(), now() from (values ${tenants}) t(id), generate_series(0, 99) n`);
    await run(`insert into communication.subscription (tenant_id, topic_name, agent_id, created_at) select a.tenant_id, 'topic ' || n, a.id, now() from numbered a, generate_series(0, 99) n where (a.k + n) % 4 = 0`);
    await run(`insert into identity.user (tenant_id, id, email, user_data, created_at, updated_at) select '${hive.me.tenantId}', gen_random_uuid(), n || '@example.com', '{}', now(), now() from generate_series(1, 100) n`);
    await run(`insert into communication.notification (tenant_id, id, user_id, kind, title, details, created_at, read_at)
               select u.tenant_id, gen_random_uuid(), u.id, 'message', 't', '{}', now(), case when n % 10 > 0 then now() end from identity.user u, generate_series(1, 100) n`);
    await run(`insert into communication.notification (tenant_id, id, agent_id, kind, title, details, created_at, read_at)
               select a.tenant_id, gen_random_uuid(), a.id, 'message', 't', '{}', now(), case when n % 10 > 0 then now() end from numbered a, generate_series(1, 50) n`);
    for (const table of ['agents.agent', 'agents.presence', 'communication.agent_message', 'communication.delivery', 'communication.topic', 'communication.subscription', 'communication.notification']) await run(`vacuum (analyze) ${table}`);
    message = (await run(`select id from communication.agent_message where tenant_id = '${hive.me.tenantId}' limit 1`))[0]!.id;
    delivery = (await run(`select id from communication.delivery where tenant_id = '${hive.me.tenantId}' limit 1`))[0]!.id;
  });
  afterAll(() => hive.close());

  const plans = (work: (db: Sql) => Promise<unknown>): Promise<Plan[]> => 
    runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, (db) => work(db).catch((error: unknown) => {
      if (!(error instanceof TypeError)) throw error; // of the row that a count gets, and an explanation does not
    })));
  const now = new Date();
  const hoursLater = new Date(now.getTime() + 4 * 3_600_000);
  const list = (query: () => Partial<AgentMessageQuery>) => (db: Sql) => selectMessages(db, { limit: 20, ...query() }, undefined);
  const letter = (to: Partial<Letter>): Letter => ({
    id: newId(), fromAgentId: agent, toAgentId: null, topic: null, type: 'message', content: '{}', contentDigest: 'x', correlationId: null, replyTo: null, priority: 5, maxDeliveries: 5, expiresAt: null,
    metadata: '{}', sentAt: now, ...to,
  });
  const written = { id: newId(), agentId: null, receipt: null, now };

  it.each<[string, string, (db: Sql) => Promise<unknown>]>([
    ['a hand-out', 'delivery_inbox_index', (db) => handOut(db, { agentId: agent, limit: 10, visibleUntil: now, now })],
    ['what is handed out again, when nobody has swept for hours', 'delivery_agent_due_index', (db) => handOut(db, { agentId: agent, limit: 10, visibleUntil: hoursLater, now: hoursLater })],
    ['an acknowledgement', 'delivery_pkey', (db) => acknowledge(db, written)],
    ['a rejection', 'delivery_pkey', (db) => reject(db, { ...written, reason: 'r', requeue: true, pausesMs: [0] })],
    ['a redrive', 'delivery_pkey', (db) => redrive(db, newId(), now)],
    ['one delivery', 'delivery_pkey', (db) => selectDelivery(db, delivery, now)],
    ['the deliveries of a message', 'delivery_message_unique', (db) => selectDeliveries(db, message, 20, undefined, now)],
    ['dead letters', 'delivery_dead_index', (db) => selectDeadLetters(db, undefined, 20, undefined, now)],
    ['dead letters of an agent', 'delivery_agent_dead_index', (db) => selectDeadLetters(db, agent, 20, undefined, now)],
    ['a sweep of what has expired', 'delivery_expiry_index', (db) => sweepExpired(db, now)],
    ['a sweep of what is due', 'delivery_due_index', (db) => sweepDue(db, now)],
    ['the report of a message', 'delivery_message_unique', (db) => reportOfMessage(db, message, now)],
    ['the report of an agent', 'delivery_agent_index', (db) => reportOfAgent(db, agent, new Date(now.getTime() + 60_000), now)],
    ['what a stream has not come to', 'delivery_unnumbered_index', (db) => hasUnnumbered(db, agent)],
    ['the numbering of a stream', 'delivery_unnumbered_index', (db) => numberDeliveries(db, agent, 0)],
    ['a stream', 'delivery_sequence_index', (db) => selectNumbered(db, agent, MESSAGES - 500, now)],
    ['where a stream begins', 'delivery_inbox_index', (db) => selectStart(db, agent)],
    ['the deliveries that an agent has had', 'delivery_agent_index', (db) => countDeliveriesOf(db, agent)],
    ['one message', 'pkey', (db) => selectMessage(db, message)],
    ['a message to one', 'agent_pkey', (db) => sendLetter(db, letter({ toAgentId: agent }))],
    ['a message to a topic', 'subscription_pkey', (db) => sendLetter(db, letter({ topic: 'topic 3' }))],
    ['what a reply answers', 'delivery_message_unique', (db) => selectReceived(db, message, agent)],
    ['the request of a reply', 'correlation_id', (db) => selectRequest(db, 'correlation 6', agent)],
    ['messages, the newest', 'pkey', list(() => ({}))],
    ['messages from one', 'from_agent_id', list(() => ({ fromAgentId: agent }))],
    ['messages to one', 'to_agent_id', list(() => ({ toAgentId: agent }))],
    ['messages to a topic', 'topic_id', list(() => ({ topic: 'topic 3' }))],
    ['messages that belong together', 'correlation_id', list(() => ({ correlationId: 'correlation 6' }))],
    ['the messages of an agent', 'from_agent_id', (db) => countMessagesOf(db, agent)],
    ['the subscribers of a topic', 'subscription_pkey', (db) => selectSubscriptions(db, 'topic 3', 20, undefined)],
    ['the subscriptions of an agent', 'subscription_agent_index', (db) => countSubscriptionsOf(db, agent)],
    ['notifications of a user', 'notification_user_index', (db) => selectNotifications(db, { userId: user }, 20, undefined)],
    ['unread ones of a user', 'notification_user_unread_index', (db) => selectNotifications(db, { userId: user, unread: true }, 20, undefined)],
    ['notifications of an agent', 'notification_agent_index', (db) => selectNotifications(db, { agentId: agent }, 20, undefined)],
    ['unread ones of an agent', 'notification_agent_unread_index', (db) => selectNotifications(db, { agentId: agent, unread: true }, 20, undefined)],
    ['the reading of all', 'notification_user_unread_index', (db) => markAllRead(db, { userId: user, recipientId: user, recipientType: 'user' }, now)],
  ])('%s: %s, and no table is scanned', async (_, index, work) => {
    const all = await plans(work);
    expect(all.length).toBeGreaterThan(0);
    // Indexes of a month have names of their own, made of its columns.
    expect(all.flatMap((plan) => plan.indexes).filter((name) => name === index || (name.startsWith('agent_message_') && name.includes(index)))).not.toEqual([]);
    const scanned = new Set(all.flatMap((plan) => plan.scanned));
    // Months to come are empty, and looked through at no cost.
    expect([...scanned].filter((table) => ['delivery', 'subscription', 'notification', `agent_message_${now.toISOString().slice(0, 7).replace('-', '')}`].includes(table))).toEqual([]);
  });
});
