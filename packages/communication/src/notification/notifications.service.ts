import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { constraintName, decodeIdCursor, Forbidden, Invalid, isForeignKeyViolation, newId, NotFound, pageOf, requireContext, tenantRead, tenantStatement, type Page, type Sql } from '@agent-hive/kernel';
import type { NotificationKind } from './notification.entity.js';
import { NotificationDto, type NotificationQuery, type NotifiedDto, type NotifyDto, type RecipientDto } from './notification.dto.js';
import { countNotifications, insertNotifications, markAllRead, markRead, selectNotifications, type DraftNotification, type NotificationFilter } from './notification.sql.js';

/** What to tell one user or one agent. */
export interface Notice {
  userId?: string;
  agentId?: string;
  kind: NotificationKind;
  title: string;
  body?: string;
  subject?: { type: string; id: string };
  details?: Record<string, unknown>;
}

/** What users and agents should know of, and whether they do. */
@Injectable()
export class NotificationsService {
  constructor(private readonly em: EntityManager) {}

  /**
   * Tells users and agents, in the transaction of `db`: this is how the hive's own parts notify, and what they tell of is
   * told when it is committed. A user who has turned the kind off gets none. Returns what was written. Throws NotFound on a recipient.
   */
  async notify(db: Sql, notices: readonly Notice[], now = new Date()): Promise<NotificationDto[]> {
    if (notices.length === 0) return [];
    try {
      const rows = await insertNotifications(db, notices.map(draftOf), now);
      return rows.map((row) => NotificationDto.of(row));
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      const noun = constraintName(error)?.includes('user') ? 'user' : 'agent';
      throw new NotFound(noun, notices.map((notice) => (noun === 'user' ? notice.userId : notice.agentId)).join(', '));
    }
  }

  /** Tells one user or agent on behalf of a caller. Throws Invalid on none or two, NotFound on the recipient. */
  async create(input: NotifyDto): Promise<NotifiedDto> {
    if ((input.userId === undefined) === (input.agentId === undefined)) throw oneRecipient();
    const [notification] = await tenantStatement(this.em, (db) => this.notify(db, [input]));
    return { notification: notification ?? null };
  }

  /** A page of notifications, newest first. Throws Forbidden when a user or an agent asks for another's. */
  async list({ limit, cursor, total, unread, ...of }: NotificationQuery): Promise<Page<NotificationDto>> {
    const before = decodeIdCursor(cursor);
    const filter = { ...recipientOf(of), unread };
    return tenantRead(this.em, async (db) => {
      const rows = await selectNotifications(db, filter, limit + 1, before);
      const page: Page<NotificationDto> = pageOf(rows, limit, (row) => [row.id], (row) => NotificationDto.of(row));
      if (total) page.total = await countNotifications(db, filter);
      return page;
    });
  }

  /** Marks one as read; again, it changes nothing. Throws NotFound, on another's too. */
  async markRead(id: string): Promise<NotificationDto> {
    const row = await tenantStatement(this.em, (db) => markRead(db, id, recipientOf({}), new Date()));
    if (!row) throw new NotFound('notification', id);
    return NotificationDto.of(row);
  }

  /** Marks all of one user or agent as read; returns how many that were not. Throws Invalid when it is not said whose, Forbidden on another's. */
  async markAllRead(of: RecipientDto): Promise<{ count: number }> {
    const { userId, agentId } = recipientOf(of);
    const recipientId = userId ?? agentId;
    if (recipientId === undefined || (userId !== undefined && agentId !== undefined)) throw oneRecipient();
    const count = await tenantStatement(this.em, (db) => markAllRead(db, { userId, agentId, recipientId, recipientType: userId === undefined ? 'agent' : 'user' }, new Date()));
    return { count };
  }
}

const oneRecipient = (): Invalid => new Invalid('give one of userId and agentId', [{ pointer: '/userId', message: 'give one of userId and agentId' }]);

/** Users and agents see their own, services whoever's they ask for. */
function recipientOf({ userId, agentId }: RecipientDto): NotificationFilter {
  const { actor } = requireContext().principal;
  if (actor.type === 'service') return { userId, agentId };
  const own = actor.type === 'user' ? { userId: actor.id! } : { agentId: actor.id! };
  const [asked, other] = actor.type === 'user' ? [userId, agentId] : [agentId, userId];
  if (other !== undefined || (asked !== undefined && asked.toLowerCase() !== actor.id)) throw new Forbidden(`The notifications of ${asked ?? other} are not those of ${actor.type} ${actor.id}`, 'not-yours');
  return own;
}

const draftOf = ({ userId, agentId, kind, title, body, subject, details }: Notice): DraftNotification => ({
  id: newId(),
  entry_id: newId(),
  user_id: userId ?? null,
  agent_id: agentId ?? null,
  kind,
  title,
  body: body ?? null,
  subject_type: subject?.type ?? null,
  subject_id: subject?.id ?? null,
  details: details ?? {},
});
