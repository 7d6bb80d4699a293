import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeCursor, encodeCursor, foreignCursor, Invalid, tenantRead, type Page, type Sql } from '@agent-hive/kernel';
import { EventDto, type EventQuery, type EventRow } from './event.dto.js';
import { countEvents, selectEvents, selectHead, WINDOW } from './event.sql.js';
import { patternsOf, type Patterns } from './pattern.js';

/** One look at what comes after a sequence. */
export interface Look {
  rows: EventRow[];
  /** Nothing that matches is left out up to here. */
  scannedTo: number;
  /** The newest sequence at that time. */
  head: number;
}

/** The record as a feed: every sealed entry at its sequence, which says where a reader is in any process and after any restart. */
@Injectable()
export class EventsService {
  constructor(private readonly em: EntityManager) {}

  /** The newest sequence of the running tenant; 0 when nothing is sealed. */
  async head(): Promise<number> {
    return tenantRead(this.em, selectHead);
  }

  /** Events after a sequence that match, oldest first, at most `limit` of them and out of the next 10,000. */
  async after(after: number, limit: number, patterns?: Patterns): Promise<Look> {
    return tenantRead(this.em, (db) => look(db, after, limit, patterns));
  }

  /** A page of events, oldest first. Throws Invalid on a position that the feed has not reached. */
  async list(query: EventQuery): Promise<Page<EventDto>> {
    const cursor = decodeCursor(query.cursor, 1)?.[0];
    if (cursor !== undefined && !isSequence(cursor)) throw foreignCursor();
    const after = cursor ?? query.after ?? 0;
    const patterns = patternsOf(query.action);
    return tenantRead(this.em, async (db) => {
      const { rows, scannedTo, head } = await look(db, after, query.limit, patterns);
      requireReached(after, head, cursor === undefined ? '/after' : '/cursor');
      const page: Page<EventDto> = { items: rows.map((row) => EventDto.of(row)), nextCursor: scannedTo < head ? encodeCursor([scannedTo]) : null };
      if (query.total) page.total = await countEvents(db, query.after ?? 0, patterns);
      return page;
    });
  }
}

/** A look in a transaction that runs. The newest sequence is read first: what is before it is there when the events are read. */
export async function look(db: Sql, after: number, limit: number, patterns: Patterns | undefined): Promise<Look> {
  const head = await selectHead(db);
  const upTo = Math.min(head, after + WINDOW);
  if (upTo <= after) return { rows: [], scannedTo: after, head };
  const rows = await selectEvents(db, { after, upTo, limit, patterns });
  return { rows, scannedTo: rows.length === limit ? Number(rows.at(-1)!.sequence) : upTo, head };
}

const isSequence = (key: string | number): key is number => Number.isSafeInteger(key) && (key as number) >= 0;

/** Refuses a position that lies in the future: who has it read another feed, and would wait for nothing. */
export function requireReached(position: number, head: number, pointer: string): void {
  if (position <= head) return;
  const message = `must be a sequence that the feed has reached, which is at ${head}`;
  throw new Invalid(`sequence ${position} ${message}`, [{ pointer, message }], 'position-unknown');
}
