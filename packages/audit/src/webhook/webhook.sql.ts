import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import { insertEntry } from '../entry.sql.js';
import type { WebhookDeliveryRow, WebhookRow } from './webhook.dto.js';
import type { WebhookDeliveryStatus } from './webhook-delivery.entity.js';

/** No secrets among them. */
const COLUMNS = sql`w.id, w.url, w.description, w.actions, w.is_active, w.previous_secret_until, c.sequence, c.failures, w.created_at, w.updated_at, w.version`;

const FROM = sql`audit.webhook w join audit.webhook_cursor c on c.tenant_id = w.tenant_id and c.webhook_id = w.id`;

/** One webhook. By primary keys. */
export async function selectWebhook(db: Sql, id: string): Promise<WebhookRow | undefined> {
  const found = await sql<WebhookRow>`select ${COLUMNS} from ${FROM} where w.tenant_id = ${currentTenantId()} and w.id = ${id}`.execute(db);
  return found.rows[0];
}

/** A page newest first, with one row more than the page holds. By primary keys. */
export async function selectWebhooks(db: Sql, limit: number, before: string | undefined): Promise<WebhookRow[]> {
  const keyset = before === undefined ? sql`` : sql`and w.id < ${before}::uuid`;
  const found = await sql<WebhookRow>`select ${COLUMNS} from ${FROM} where w.tenant_id = ${currentTenantId()} ${keyset} order by w.id desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many webhooks there are. */
export async function countWebhooks(db: Sql): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from audit.webhook where tenant_id = ${currentTenantId()}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Locks the oldest webhook until the transaction ends: whoever then counts sees those that others made under the same lock. */
export async function lockOldestWebhook(db: Sql): Promise<void> {
  await sql`select from audit.webhook where tenant_id = ${currentTenantId()} order by id limit 1 for no key update`.execute(db);
}

/** Puts a new webhook at its place in the feed. */
export async function insertCursor(db: Sql, webhookId: string, sequence: number): Promise<void> {
  await sql`insert into audit.webhook_cursor (tenant_id, webhook_id, sequence, failures) values (${currentTenantId()}, ${webhookId}, ${sequence}, 0)`.execute(db);
}

/** Deletes a webhook with its deliveries, which the record counts; to be called under its cursor, as all that decides about deliveries. Served by webhook_delivery_status_index. False when it is not there, or not at the version. */
export async function deleteWebhook(db: Sql, id: string, version: number | null): Promise<boolean> {
  const tenantId = currentTenantId();
  const atVersion = version === null ? sql`` : sql`and version = ${version}`;
  const previousState = sql`jsonb_build_object('url', w.url, 'actions', w.actions, 'deliveries', w.deliveries)`;
  const deleted = await sql`
    with counted as (
      select count(*) as deliveries from audit.webhook_delivery where tenant_id = ${tenantId} and webhook_id = ${id}
    ), w as (
      delete from audit.webhook where tenant_id = ${tenantId} and id = ${id} ${atVersion} returning url, actions, (select deliveries from counted) as deliveries
    ) ${insertEntry({ action: 'webhook.deleted', subjectType: 'webhook', subjectId: id }, 'w', { previousState })} returning id`.execute(db);
  return deleted.rows.length > 0;
}

const DELIVERY_COLUMNS = sql`d.id, d.webhook_id, d.sequence, d.action, d.subject_type, d.subject_id, d.status, d.attempt, d.redrive_count, d.next_attempt_at, d.attempts, d.created_at, d.settled_at`;

const ofWebhook = (webhookId: string, status: WebhookDeliveryStatus | undefined): RawBuilder<unknown> =>
  sql`d.tenant_id = ${currentTenantId()} and d.webhook_id = ${webhookId} ${status === undefined ? sql`` : sql`and d.status = ${status}`}`;

/** A page of a webhook's deliveries, the newest event first, with one row more than the page holds. Served by webhook_delivery_sequence_unique, or by webhook_delivery_status_index. */
export async function selectDeliveries(db: Sql, webhookId: string, page: { status?: WebhookDeliveryStatus; limit: number; before: number | undefined }): Promise<WebhookDeliveryRow[]> {
  const keyset = page.before === undefined ? sql`` : sql`and d.sequence < ${page.before}::bigint`;
  const found = await sql<WebhookDeliveryRow>`
    select ${DELIVERY_COLUMNS} from audit.webhook_delivery d where ${ofWebhook(webhookId, page.status)} ${keyset} order by d.sequence desc limit ${page.limit + 1}`.execute(db);
  return found.rows;
}

/** How many deliveries of a webhook match. */
export async function countDeliveries(db: Sql, webhookId: string, status: WebhookDeliveryStatus | undefined): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from audit.webhook_delivery d where ${ofWebhook(webhookId, status)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** One delivery of a webhook. By primary key. */
export async function selectDelivery(db: Sql, webhookId: string, id: string): Promise<WebhookDeliveryRow | undefined> {
  const found = await sql<WebhookDeliveryRow>`select ${DELIVERY_COLUMNS} from audit.webhook_delivery d where ${ofWebhook(webhookId, undefined)} and d.id = ${id}`.execute(db);
  return found.rows[0];
}

/**
 * Makes a dead delivery of a locked webhook pending again, with its entry. It is tried now, or, where another of its subject is
 * pending, as the next after that one. False when it is not dead. Served by webhook_delivery_subject_index.
 */
export async function redriveDelivery(db: Sql, webhookId: string, id: string, now: Date): Promise<boolean> {
  const tenantId = currentTenantId();
  const redriven = await sql`
    with d as (
      update audit.webhook_delivery d
         set status = 'pending', attempt = 0, redrive_count = d.redrive_count + 1, settled_at = null,
             next_attempt_at = case when not exists (
               select from audit.webhook_delivery p where p.tenant_id = ${tenantId} and p.webhook_id = ${webhookId} and p.subject_type = d.subject_type and p.subject_id = d.subject_id and p.status = 'pending'
             ) then ${now}::timestamptz end
       where d.tenant_id = ${tenantId} and d.webhook_id = ${webhookId} and d.id = ${id} and d.status = 'dead'
      returning d.id, d.redrive_count
    ) ${insertEntry({ action: 'webhook_delivery.redriven', subjectType: 'webhook_delivery', subjectId: id, details: { webhookId } }, 'd', { newState: sql`jsonb_build_object('redriveCount', d.redrive_count)` })} returning id`.execute(db);
  return redriven.rows.length > 0;
}
