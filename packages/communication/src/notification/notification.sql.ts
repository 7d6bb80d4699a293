import { insertEntryPerRow } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { NotificationRow } from './notification.dto.js';
import type { NotificationKind } from './notification.entity.js';

/** A notification to be, with the id of its entry. */
export interface DraftNotification {
  id: string;
  entry_id: string;
  user_id: string | null;
  agent_id: string | null;
  kind: NotificationKind;
  title: string;
  body: string | null;
  subject_type: string | null;
  subject_id: string | null;
  details: Record<string, unknown>;
}

const COLUMNS = sql`n.id, n.user_id, n.agent_id, n.kind, n.title, n.body, n.subject_type, n.subject_id, n.details, n.created_at, n.read_at`;

/** Whether a user has turned notifications off, all of them or those of the kind; by primary key. Whatever else a document says counts for nothing. */
const isUnwanted = sql`exists (
  select from identity.preference p where p.tenant_id = ${sql.ref('d.tenant_id')} and p.user_id = d.user_id and p.category = 'notifications'
     and (p.preferences -> 'enabled' = 'false'::jsonb or p.preferences -> 'kinds' -> d.kind = 'false'::jsonb))`;

/** Writes the notifications that are wanted, with their entries, in one statement. What they say is in the record by reference. */
export async function insertNotifications(db: Sql, drafts: readonly DraftNotification[], now: Date): Promise<NotificationRow[]> {
  const tenantId = currentTenantId();
  const entry = insertEntryPerRow(
    {
      subjectType: 'notification', action: sql`'notification.created'`, id: sql`d.entry_id`, subjectId: sql`n.id::text`, agentId: sql`n.agent_id`, occurredAt: now,
      newState: sql`jsonb_strip_nulls(jsonb_build_object('kind', n.kind, 'userId', n.user_id, 'agentId', n.agent_id, 'subjectType', n.subject_type, 'subjectId', n.subject_id))`,
    },
    sql`made n join draft d on d.id = n.id`,
  );
  const made = await sql<NotificationRow>`
    with draft as materialized (
      select ${tenantId}::uuid as tenant_id, r.* from json_to_recordset(${JSON.stringify(drafts)}::json)
        as r(id uuid, entry_id uuid, user_id uuid, agent_id uuid, kind text, title text, body text, subject_type text, subject_id text, details jsonb)
    ), made as (
      insert into communication.notification as n (tenant_id, id, user_id, agent_id, kind, title, body, subject_type, subject_id, details, created_at)
      select d.tenant_id, d.id, d.user_id, d.agent_id, d.kind, d.title, d.body, d.subject_type, d.subject_id, d.details, ${now}::timestamptz from draft d where d.user_id is null or not ${isUnwanted}
      returning ${COLUMNS}
    ), entry as (${entry})
    select * from made order by id`.execute(db);
  return made.rows;
}

/** Most users who are told of one thing. */
const INTERESTED_MAX = 1000;

/** Users who have asked for a kind that is told to nobody by default, and stay until the transaction ends; through identity.preferring(), which may use the GIN index. */
export async function selectInterested(db: Sql, kind: NotificationKind): Promise<string[]> {
  const wanted = JSON.stringify({ kinds: { [kind]: true } });
  const found = await sql<{ user_id: string }>`
    select u.id as user_id from identity.preferring(${wanted}::jsonb, 'notifications') f join identity.user u on u.tenant_id = ${currentTenantId()} and u.id = f.user_id
     order by u.id limit ${INTERESTED_MAX} for key share of u`.execute(db);
  return found.rows.map((row) => row.user_id);
}

/** Whose notifications, and whether only those that are not read. Neither user nor agent: everybody's. */
export interface NotificationFilter {
  userId?: string;
  agentId?: string;
  unread?: boolean;
}

const conditions = ({ userId, agentId, unread }: NotificationFilter): RawBuilder<unknown> => {
  const all = [sql`n.tenant_id = ${currentTenantId()}`];
  if (userId !== undefined) all.push(sql`n.user_id = ${userId}`);
  if (agentId !== undefined) all.push(sql`n.agent_id = ${agentId}`);
  if (unread === true) all.push(sql`n.read_at is null`);
  return sql.join(all, sql` and `);
};

/** A page newest first, with one row more than the page holds; those of one by notification_user_index and notification_agent_index, unread ones by theirs. */
export async function selectNotifications(db: Sql, filter: NotificationFilter, limit: number, before: string | undefined): Promise<NotificationRow[]> {
  const keyset = before === undefined ? conditions(filter) : sql`${conditions(filter)} and n.id < ${before}::uuid`;
  const found = await sql<NotificationRow>`select ${COLUMNS} from communication.notification n where ${keyset} order by n.id desc limit ${limit}`.execute(db);
  return found.rows;
}

/** How many match, whatever the page. */
export async function countNotifications(db: Sql, filter: NotificationFilter): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from communication.notification n where ${conditions(filter)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Marks one as read, with its entry; one that is read stays as it is. By primary key, among those of `filter`. */
export async function markRead(db: Sql, id: string, filter: NotificationFilter, now: Date): Promise<NotificationRow | undefined> {
  const found = await sql<NotificationRow>`
    with found as materialized (
      select n.tenant_id, ${COLUMNS} from communication.notification n where ${conditions(filter)} and n.id = ${id} for update
    ), done as (
      update communication.notification n set read_at = ${now}::timestamptz from found f where n.tenant_id = f.tenant_id and n.id = f.id and f.read_at is null returning ${COLUMNS}
    ), entry as (${readEntries(now, sql`${newId()}::uuid`)})
    select ${COLUMNS} from done n union all select ${COLUMNS} from found n where not exists (select from done)`.execute(db);
  return found.rows[0];
}

const readEntries = (now: Date, id: RawBuilder<unknown>): RawBuilder<unknown> =>
  insertEntryPerRow({ subjectType: 'notification', action: sql`'notification.read'`, id, subjectId: sql`n.id::text`, agentId: sql`n.agent_id`, occurredAt: now, newState: sql`jsonb_build_object('readAt', n.read_at)` }, sql`done n`);

/** Marks all of one recipient as read; one entry tells how many. Returns their number. */
export async function markAllRead(db: Sql, filter: NotificationFilter & { recipientId: string; recipientType: 'user' | 'agent' }, now: Date): Promise<number> {
  const entry = insertEntryPerRow(
    { subjectType: filter.recipientType, action: sql`'notification.all_read'`, id: sql`${newId()}::uuid`, subjectId: sql`${filter.recipientId}::text`, occurredAt: now, newState: sql`jsonb_build_object('count', c.count)` },
    sql`counted c where c.count > 0`,
  );
  const done = await sql<{ count: number }>`
    with done as (
      update communication.notification n set read_at = ${now}::timestamptz where ${conditions({ ...filter, unread: true })} returning 1
    ), counted as materialized (select count(*)::int as count from done), entry as (${entry})
    select count from counted`.execute(db);
  return done.rows[0]!.count;
}

/** Deletes the notifications of a user who goes; one entry tells how many. */
export async function deleteNotificationsOfUser(db: Sql, userId: string): Promise<void> {
  const entry = insertEntryPerRow(
    { subjectType: 'user', action: sql`'notification.user_deleted'`, id: sql`${newId()}::uuid`, subjectId: sql`${userId}::text`, occurredAt: new Date(), details: sql`jsonb_build_object('count', c.count)` },
    sql`counted c where c.count > 0`,
  );
  await sql`
    with gone as (
      delete from communication.notification n where n.tenant_id = ${currentTenantId()} and n.user_id = ${userId} returning 1
    ), counted as materialized (select count(*)::int as count from gone) ${entry}`.execute(db);
}
