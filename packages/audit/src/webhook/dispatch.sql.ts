import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { EventRow } from '../feed/event.dto.js';
import { EVENT_COLUMNS, eventEntry } from '../feed/event.sql.js';
import type { LoggedAttempt } from './webhook-delivery.entity.js';

/*
 * How events reach webhooks
 *
 *   audit.leaf --(addDeliveries: cursor and rows in one transaction)--> webhook_delivery, pending
 *   pending, next_attempt_at <= now --(claimDelivery: held until the attempt must be over)--> an attempt
 *   the attempt --(settleDelivery)--> delivered | dead, and the subject's next one is due | pending, due later
 *
 * What decides which of a subject's deliveries comes next (adding, settling, redriving) holds the webhook's cursor: else one that is
 * added while the one before it ends would see it still pending, be missed by its end, and wait for ever.
 */

/** Actions that no webhook is told of: each delivery that dies would make another. */
export const OWN_ACTIONS = ['webhook_delivery.dead', 'webhook_delivery.redriven'];

/** Attempts of which a delivery keeps a log. */
const LOGGED_MAX = 20;

/** A webhook, and whether something is to be done for it: events that have not been looked at, or deliveries that are due. */
export interface Work {
  id: string;
  actions: string[];
  failures: number;
  is_behind: boolean;
  is_due: boolean;
}

/** Active webhooks with their places. By primary keys, and webhook_delivery_due_index. */
export async function selectWork(db: Sql, now: Date): Promise<Work[]> {
  const tenantId = currentTenantId();
  const found = await sql<Work>`
    select w.id, w.actions, c.failures, c.sequence < coalesce((select l.sequence from audit.leaf l where l.tenant_id = ${tenantId} order by l.sequence desc limit 1), 0) as is_behind,
           exists (select from audit.webhook_delivery d where d.tenant_id = ${tenantId} and d.webhook_id = w.id and d.next_attempt_at <= ${now}) as is_due
      from audit.webhook w join audit.webhook_cursor c on c.tenant_id = w.tenant_id and c.webhook_id = w.id
     where w.tenant_id = ${tenantId} and w.is_active order by w.id`.execute(db);
  return found.rows;
}

/** Holds a webhook's deliveries until the transaction ends; returns up to where its events have become deliveries. Undefined when it is gone. */
export async function lockCursor(db: Sql, webhookId: string): Promise<number | undefined> {
  const held = await sql<{ sequence: string | number }>`select sequence from audit.webhook_cursor where tenant_id = ${currentTenantId()} and webhook_id = ${webhookId} for no key update`.execute(db);
  return held.rows[0] && Number(held.rows[0].sequence);
}

/** How many deliveries of a webhook are pending, counted up to `max`. Served by webhook_delivery_subject_index. */
export async function countPending(db: Sql, webhookId: string, max: number): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from (select from audit.webhook_delivery where tenant_id = ${currentTenantId()} and webhook_id = ${webhookId} and status = 'pending' limit ${max}) d`.execute(db);
  return found.rows[0]!.count;
}

/** Makes deliveries of events and moves the held cursor to `sequence`: one statement. What has become a delivery before stays as it is. Served by webhook_delivery_subject_index. */
export async function addDeliveries(db: Sql, webhookId: string, events: readonly EventRow[], sequence: number, now: Date): Promise<void> {
  const tenantId = currentTenantId();
  const rows = events.map((event) => ({ id: newId(), sequence: Number(event.sequence), action: event.action, subjectType: event.subject_type, subjectId: event.subject_id }));
  await sql`
    with event as (
      select e.*, row_number() over (partition by e."subjectType", e."subjectId" order by e.sequence) as place
        from json_to_recordset(${JSON.stringify(rows)}::json) as e(id uuid, sequence bigint, action text, "subjectType" text, "subjectId" text)
    ), added as (
      insert into audit.webhook_delivery (tenant_id, id, webhook_id, sequence, action, subject_type, subject_id, status, attempt, redrive_count, next_attempt_at, attempts, created_at)
      select ${tenantId}::uuid, e.id, ${webhookId}::uuid, e.sequence, e.action, e."subjectType", e."subjectId", 'pending', 0, 0,
             case when e.place = 1 and not exists (
               select from audit.webhook_delivery p where p.tenant_id = ${tenantId} and p.webhook_id = ${webhookId} and p.subject_type = e."subjectType" and p.subject_id = e."subjectId" and p.status = 'pending'
             ) then ${now}::timestamptz end, '[]'::jsonb, ${now}::timestamptz
        from event e
      on conflict (tenant_id, webhook_id, sequence) do nothing
    )
    update audit.webhook_cursor set sequence = ${sequence} where tenant_id = ${tenantId} and webhook_id = ${webhookId}`.execute(db);
}

/** A delivery that an attempt is made at, with its event and what it takes to send it. */
export interface ClaimedRow {
  delivery_id: string;
  attempt: number;
  url: string;
  secret: string;
  previous_secret: string | null;
  previous_secret_until: Date | null;
  event: EventRow;
}

/** Holds the delivery that is due the longest for an attempt that is over at `until`; should its process die, it is due again then. Served by webhook_delivery_due_index. */
export async function claimDelivery(db: Sql, webhookId: string, now: Date, until: Date): Promise<ClaimedRow | undefined> {
  const tenantId = currentTenantId();
  const claimed = await sql<Omit<ClaimedRow, 'event'> & EventRow>`
    with due as materialized (
      select d.id from audit.webhook_delivery d where d.tenant_id = ${tenantId} and d.webhook_id = ${webhookId} and d.next_attempt_at <= ${now}
          and exists (select from audit.webhook w where w.tenant_id = ${tenantId} and w.id = ${webhookId} and w.is_active)
       order by d.next_attempt_at limit 1 for update skip locked
    ), claimed as (
      update audit.webhook_delivery d set attempt = d.attempt + 1, next_attempt_at = ${until} from due where d.tenant_id = ${tenantId} and d.id = due.id
      returning d.id as delivery_id, d.attempt, d.sequence
    )
    select k.delivery_id, k.attempt, w.url, w.secret, w.previous_secret, w.previous_secret_until, ${EVENT_COLUMNS}
      from claimed k join audit.webhook w on w.tenant_id = ${tenantId} and w.id = ${webhookId}
      join audit.leaf l on l.tenant_id = ${tenantId} and l.sequence = k.sequence ${eventEntry()}`.execute(db);
  const row = claimed.rows[0];
  return row && { ...row, event: row };
}

/** What came of an attempt, and when it is due again; null ends the delivery. */
export interface Outcome {
  status: 'delivered' | 'dead' | 'pending';
  nextAttemptAt: Date | null;
  logged: LoggedAttempt;
}

/**
 * Writes what came of an attempt under the held cursor; the end of a delivery lets the next one of its subject go. An attempt that was
 * given up meanwhile, since it took too long, writes nothing: another one is at work. Served by webhook_delivery_subject_index.
 */
export async function settleDelivery(db: Sql, webhookId: string, { delivery_id: id, attempt }: Pick<ClaimedRow, 'delivery_id' | 'attempt'>, outcome: Outcome, now: Date): Promise<void> {
  const tenantId = currentTenantId();
  const { status, nextAttemptAt, logged } = outcome;
  const hasEnded = status !== 'pending';
  const dead = insertEntry({ action: 'webhook_delivery.dead', subjectType: 'webhook_delivery', subjectId: id, details: { webhookId, attempts: attempt, error: logged.error } }, 'dead');
  await sql`
    with settled as (
      update audit.webhook_delivery d
         set status = ${status}, next_attempt_at = ${nextAttemptAt}::timestamptz, settled_at = ${hasEnded ? now : null}::timestamptz,
             attempts = (case when jsonb_array_length(d.attempts) >= ${LOGGED_MAX} then d.attempts - 0 else d.attempts end) || ${JSON.stringify([logged])}::jsonb
       where d.tenant_id = ${tenantId} and d.id = ${id} and d.status = 'pending' and d.attempt = ${attempt}
      returning d.subject_type, d.subject_id
    ), promoted as (
      update audit.webhook_delivery d set next_attempt_at = ${now}
        from (select n.id from settled s cross join lateral (
          select p.id from audit.webhook_delivery p where p.tenant_id = ${tenantId} and p.webhook_id = ${webhookId} and p.subject_type = s.subject_type and p.subject_id = s.subject_id
             and p.status = 'pending' and p.id <> ${id} order by p.sequence limit 1) n) next
       where ${hasEnded} and d.tenant_id = ${tenantId} and d.id = next.id
    ), counted as (
      update audit.webhook_cursor c set failures = ${status === 'delivered' ? sql`0` : sql`least(c.failures + 1, 1000000)`} from settled where c.tenant_id = ${tenantId} and c.webhook_id = ${webhookId}
    ), dead as (
      select 1 from settled where ${status === 'dead'}
    ) ${dead}`.execute(db);
}

/** Gives a claimed delivery back as if nobody had tried it: the process shuts down. By primary key. */
export async function releaseDelivery(db: Sql, { delivery_id: id, attempt }: Pick<ClaimedRow, 'delivery_id' | 'attempt'>, now: Date): Promise<void> {
  await sql`update audit.webhook_delivery set attempt = attempt - 1, next_attempt_at = ${now} where tenant_id = ${currentTenantId()} and id = ${id} and status = 'pending' and attempt = ${attempt}`.execute(db);
}

const BATCH = 1_000;

/** Forgets deliveries that ended before a moment, a batch at a time; returns how many. Served by webhook_delivery_settled_index. */
export async function forgetDeliveries(db: Sql, before: Date): Promise<number> {
  const tenantId = currentTenantId();
  const deleted = await sql`
    delete from audit.webhook_delivery where tenant_id = ${tenantId} and id in (
      select id from audit.webhook_delivery where tenant_id = ${tenantId} and settled_at < ${before} order by settled_at limit ${BATCH})`.execute(db);
  return Number(deleted.numAffectedRows ?? 0);
}
