import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SessionsService } from '@agent-hive/agents';
import { decodeIdCursor, Invalid, NotFound, pageOf, requireStorable, tenantStatement, type Page } from '@agent-hive/kernel';
import { MessageDto, type FeedbackDto, type RedactionDto } from './message.dto.js';
import type { SearchQuery } from './message-query.dto.js';
import { searchMessages } from './message-search.sql.js';
import { redactMessage, selectMessage, updateFeedback } from './message.sql.js';

/** What is done with messages after they were said: found, judged, redacted. */
@Injectable()
export class MessageReviewsService {
  constructor(
    private readonly em: EntityManager,
    private readonly sessions: SessionsService,
  ) {}

  /** A page of messages with the words, the payload or both, newest first. Throws Invalid when neither is given, NotFound on the session. */
  async search({ q, channelPayload, sessionId, cursor, limit }: SearchQuery): Promise<Page<MessageDto>> {
    if (q === undefined && channelPayload === undefined) throw new Invalid('q or channelPayload must be given', [{ pointer: '/q', message: 'must be given, unless channelPayload is' }]);
    const payload = channelPayload === undefined ? null : objectText(channelPayload);
    const before = decodeIdCursor(cursor) ?? null;
    const line = sessionId === undefined ? null : await this.sessions.lineage(sessionId);
    const rows = await tenantStatement(this.em, (db) => searchMessages(db, { words: q ?? null, payload, line, before, limit: limit + 1 }));
    return pageOf(rows, limit, (row) => [row.id], (row) => MessageDto.of(row));
  }

  /** Says what is thought of a message, in place of what was thought before. Throws NotFound. */
  async judge(id: string, input: FeedbackDto): Promise<MessageDto> {
    const row = await tenantStatement(this.em, (db) => updateFeedback(db, id, input, new Date()));
    if (!row) throw new NotFound('message', id);
    return MessageDto.of(row);
  }

  /** Takes away what a message says and keeps its digests. A second time changes nothing. Throws NotFound. */
  async redact(id: string, { reason }: RedactionDto): Promise<MessageDto> {
    const row = (await tenantStatement(this.em, (db) => redactMessage(db, id, reason, new Date()))) ?? (await tenantStatement(this.em, (db) => selectMessage(db, id)));
    if (!row) throw new NotFound('message', id);
    return MessageDto.of(row);
  }
}

/** The text of a JSON object. Throws Invalid on any other, and on {}, which every payload contains. */
function objectText(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    requireStorable(value);
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) return JSON.stringify(value);
  } catch {
    // falls through: a text that is no JSON is as wrong as JSON of another shape
  }
  throw new Invalid('channelPayload must be a JSON object with something in it', [{ pointer: '/channelPayload', message: 'must be a JSON object with something in it' }]);
}
