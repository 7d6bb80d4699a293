import { currentTenantId, idFloor, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { DELIVERY_STATES } from './delivery.entity.js';
import type { ReportRow } from './report.dto.js';
import { stateAt } from './state.sql.js';

const COUNTS = sql.join(DELIVERY_STATES.map((state) => sql`(count(*) filter (where r.state_now = ${sql.lit(state)}))::int as ${sql.ref(state)}`));

/** Latency is from the sending to the acknowledgement; percentile_cont goes between the two nearest ones. */
const report = (from: RawBuilder<unknown>, now: Date): RawBuilder<ReportRow> => sql<ReportRow>`
  select count(*)::int as recipients, ${COUNTS}, coalesce(sum(r.attempt), 0)::int as hand_outs,
         percentile_cont(array[0.5, 0.95, 0.99]) within group (order by r.latency_ms) as latency_ms
    from (select d.attempt, ${stateAt(now)} as state_now, case when d.state = 'acknowledged' then (extract(epoch from d.settled_at - d.sent_at) * 1000)::float8 end as latency_ms
            from communication.delivery d where d.tenant_id = ${currentTenantId()} and ${from}) r`;

/** What has become of a message. Served by delivery_message_unique. */
export async function reportOfMessage(db: Sql, messageId: string, now: Date): Promise<ReportRow> {
  const found = await report(sql`d.message_id = ${messageId}`, now).execute(db);
  return found.rows[0]!;
}

/** What has become of what was sent to an agent since a moment. Served by delivery_agent_index, whose message ids are moments. */
export async function reportOfAgent(db: Sql, agentId: string, since: Date, now: Date): Promise<ReportRow> {
  const found = await report(sql`d.agent_id = ${agentId} and d.message_id >= ${idFloor(since)}::uuid`, now).execute(db);
  return found.rows[0]!;
}
