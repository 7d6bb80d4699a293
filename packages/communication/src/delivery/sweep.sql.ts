import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { idLike } from '../mail/minted-id.sql.js';
import type { Ended } from './dead-letter.js';
import { stateAt } from './state.sql.js';

/** Rows of one statement: what a sweep holds locked stays small. */
const BATCH = 500;

/** Deliveries whose time to live is over and that nobody has in hand. Served by delivery_expiry_index. */
export const sweepExpired = (db: Sql, now: Date): Promise<Ended[]> =>
  sweep(db, now, sql`d.expires_at <= ${now} and d.settled_at is null and (d.state = 'pending' or d.available_at <= ${now}) order by d.expires_at limit ${BATCH}`);

/** Deliveries whose pause or visibility timeout is over. Served by delivery_due_index. */
export const sweepDue = (db: Sql, now: Date): Promise<Ended[]> => sweep(db, now, sql`d.available_at <= ${now} order by d.available_at limit ${BATCH}`);

/** Writes what time has made of deliveries, as stateAt() says; the end of a pause is not worth an entry. */
async function sweep(db: Sql, now: Date, found: RawBuilder<unknown>): Promise<Ended[]> {
  const tenantId = currentTenantId();
  const entry = insertEntryPerRow(
    {
      subjectType: 'delivery', id: idLike(newId()), subjectId: sql`s.id::text`, agentId: sql`s.agent_id`, occurredAt: now,
      action: sql`case s.state when 'pending' then 'delivery.timed_out' else 'delivery.' || s.state end`,
      previousState: sql`jsonb_build_object('state', s.was)`, newState: sql`jsonb_strip_nulls(jsonb_build_object('messageId', s.message_id, 'state', s.state, 'attempt', s.attempt, 'reason', s.reason))`,
    },
    sql`swept s where s.state <> s.was`,
  );
  const rows = await sql<Ended>`
    with over as materialized (
      select d.id, d.state as was, ${stateAt(now)} as state from communication.delivery d where d.tenant_id = ${tenantId} and ${found} for update of d skip locked
    ), swept as (
      update communication.delivery d
         set state = o.state, available_at = null, settled_at = case when o.state <> 'pending' then ${now}::timestamptz end,
             reason = case when o.state = 'dead' then 'visibility timeout of the last delivery' when o.state = 'expired' then 'time to live' else d.reason end
        from over o where d.tenant_id = ${tenantId} and d.id = o.id
      returning d.*, o.was
    ), entry as (${entry})
    select s.id, s.message_id, s.agent_id, s.state,
           case when s.state = 'dead' then (select m.from_agent_id from communication.agent_message m where m.tenant_id = ${tenantId} and m.id = s.message_id) end as from_agent_id
      from swept s`.execute(db);
  return rows.rows;
}
