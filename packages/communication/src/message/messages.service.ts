import { Inject, Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SessionsService } from '@agent-hive/agents';
import { decodeCursor, encodeCursor, foreignCursor, Invalid, NotFound, tenantRead, tenantStatement, type FieldError } from '@agent-hive/kernel';
import { AppendsService } from './appends.service.js';
import { readHistory, stretchOf } from './history.sql.js';
import { MessageDto, type CreateMessageDto } from './message.dto.js';
import type { MessagePage, MessageQuery, SessionUsageDto } from './message-query.dto.js';
import { selectMessage, selectPlaces, selectUsage, type Range } from './message.sql.js';
import { draftOf, type DraftMessage, type PointerOf } from './new-message.js';
import { SessionWatch } from './session-watch.service.js';

/** How large messages may be. */
export const MESSAGE_LIMITS = Symbol('limits of messages');
export interface MessageLimits {
  /** Largest content of one message, in bytes of UTF-8. */
  contentMaxBytes: number;
}

/** A page ends before the message that would take it beyond this; one message is always there. */
const PAGE_MAX_BYTES = 4 * 1024 * 1024;
const BATCH_MAX_BYTES = 1024 * 1024;
const BATCH_MAX = 100;

/** What is said in sessions: appended and read by SQL, one statement each. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly em: EntityManager,
    private readonly sessions: SessionsService,
    private readonly appends: AppendsService,
    private readonly watch: SessionWatch,
    @Inject(MESSAGE_LIMITS) private readonly limits: MessageLimits,
  ) {}

  /** One message. Throws NotFound. */
  async get(id: string): Promise<MessageDto> {
    const row = await tenantStatement(this.em, (db) => selectMessage(db, id));
    if (!row) throw new NotFound('message', id);
    return MessageDto.of(row);
  }

  /** Appends one message. Throws as appendAll does. */
  async append(sessionId: string, input: CreateMessageDto): Promise<MessageDto> {
    const [message] = await this.write(sessionId, [input], () => '');
    return message!;
  }

  /**
   * Appends messages in their order, all or none. Throws Invalid with pointers, NotFound on the session, Forbidden when an agent writes
   * into another's, Refused (`session-ended`, `session-paused`, `sequence-conflict`).
   */
  async appendAll(sessionId: string, inputs: readonly CreateMessageDto[]): Promise<MessageDto[]> {
    return this.write(sessionId, inputs, (i) => `/${i}`);
  }

  /** Messages that a session shows: the newest first, or what comes after a sequence, oldest first. Throws NotFound, and Invalid on a cursor of another list. */
  async list(sessionId: string, query: MessageQuery): Promise<MessagePage> {
    const { before, after } = { ...query, ...positionOf(query.cursor) };
    const order = after === undefined ? 'newest' : 'oldest';
    return this.read(sessionId, { limit: query.limit, before: before ?? null, after: after ?? null, parentId: query.parentMessageId ?? null, order, maxBytes: PAGE_MAX_BYTES });
  }

  /** The next messages after a sequence, oldest first: as many as may wait in memory for one reader. Throws NotFound. */
  async listAfter(sessionId: string, after: number): Promise<MessageDto[]> {
    const { items } = await this.read(sessionId, { limit: BATCH_MAX, before: null, after, parentId: null, order: 'oldest', maxBytes: BATCH_MAX_BYTES });
    return items;
  }

  /** What a session's own messages cost, by model. Throws NotFound. */
  async usage(sessionId: string): Promise<SessionUsageDto> {
    const models = await tenantStatement(this.em, (db) => selectUsage(db, sessionId));
    if (models.length === 0) await this.sessions.get(sessionId);
    const sum = (of: 'messageCount' | 'tokensUsed') => models.reduce((total, model) => total + model[of], 0);
    return { sessionId, messageCount: sum('messageCount'), tokensUsed: sum('tokensUsed'), models };
  }

  private async read(sessionId: string, range: Range): Promise<MessagePage> {
    const history = await tenantRead(this.em, (db) => readHistory(db, sessionId, range));
    if (!history) throw new NotFound('session', sessionId);
    const items = history.rows.map((row) => MessageDto.of(row));
    return { items, nextCursor: history.hasMore ? encodeCursor([range.order, items.at(-1)!.sequence]) : null };
  }

  private async write(sessionId: string, inputs: readonly CreateMessageDto[], pointerOf: PointerOf): Promise<MessageDto[]> {
    const now = new Date();
    const draft = draftOf(inputs, this.limits.contentMaxBytes, now, pointerOf);
    await this.requireParents(sessionId, draft.messages, pointerOf);
    const base = await this.appends.append(sessionId, draft);
    if (base === null) return this.sessions.refuse(sessionId, draft.expectedSequence);
    this.watch.notify(sessionId, base + draft.messages.length);
    return draft.messages.map((message, i) => MessageDto.of({ ...message, session_id: sessionId, sequence: base + i + 1 }));
  }

  /** Messages neither move nor go, so it is enough to look before they are referred to. */
  private async requireParents(sessionId: string, messages: readonly DraftMessage[], pointerOf: PointerOf): Promise<void> {
    const ids = [...new Set(messages.map(({ parent_message_id: id }) => id).filter((id) => id !== null))];
    if (ids.length === 0) return;
    const places = new Map((await tenantStatement(this.em, (db) => selectPlaces(db, ids))).map((place) => [place.id, place]));
    const isOwn = ids.every((id) => places.get(id)?.sessionId === sessionId);
    if (isOwn) return;
    const line = await this.sessions.lineage(sessionId);
    const isShown = (id: string): boolean => {
      const place = places.get(id);
      return place !== undefined && stretchOf(line, place.sequence)?.sessionId === place.sessionId;
    };
    const errors = messages.flatMap(({ parent_message_id: id }, i): FieldError[] =>
      id === null || isShown(id) ? [] : [{ pointer: `${pointerOf(i)}/parentMessageId`, message: `session ${sessionId} has no message ${id} to answer` }],
    );
    if (errors.length > 0) throw new Invalid(errors[0]!.message, errors);
  }
}

/** Where a cursor goes on. */
function positionOf(cursor: string | undefined): { before?: number; after?: number } {
  const key = decodeCursor(cursor, 2);
  if (key === null) return {};
  const [order, sequence] = key;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || (order !== 'newest' && order !== 'oldest')) throw foreignCursor();
  return order === 'newest' ? { before: sequence } : { after: sequence };
}
