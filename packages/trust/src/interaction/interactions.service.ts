import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  decodeCursor, decodeIdCursor, foreignCursor, Forbidden, Invalid, isForeignKeyViolation, isUuid, newId, NotFound, oneTransaction, pageOf, requireContext, runningTransaction, tenantRead, tenantSql, tenantStatement,
  type Page,
} from '@agent-hive/kernel';
import { TrustHooks } from '../trust.hooks.js';
import { digestOf } from './action-digest.js';
import { InteractionWakeups } from './interaction-wakeups.service.js';
import type { CreateInteractionDto, InteractionQuery } from './interaction.dto.js';
import { InteractionDto, type InteractionRow } from './interaction-view.dto.js';
import { countInteractions, insertInteraction, lockInteraction, selectInteraction, selectInteractions, type InteractionKey } from './interaction.sql.js';

/** Whether and how long a read waits, and what ends it early: the client hung up. */
export interface Waiting {
  waitSeconds?: number;
  signal?: AbortSignal;
}

const DEFAULT_PRIORITY = 5;

/** What is asked of people: opened, read, waited for. What ends it is in AnswersService. */
@Injectable()
export class InteractionsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: TrustHooks,
    private readonly wakeups: InteractionWakeups,
  ) {}

  /** One interaction, as soon as it is pending no more or the wait is over; nothing is held meanwhile. Throws NotFound. */
  async get(id: string, { waitSeconds = 0, signal }: Waiting = {}): Promise<InteractionDto> {
    const until = Date.now() + waitSeconds * 1000;
    for (;;) {
      const row = await tenantStatement(this.em, (db) => selectInteraction(db, id));
      if (!row) throw new NotFound('interaction', id);
      const interaction = InteractionDto.of(row);
      const leftMs = until - Date.now();
      if (interaction.status !== 'pending' || leftMs <= 0 || !(await this.goOn(row.id, leftMs, signal))) return interaction;
    }
  }

  /** A page of interactions, as soon as there is one or the wait is over. Throws Invalid on a cursor or an order that does not fit. */
  async list(query: InteractionQuery, signal?: AbortSignal): Promise<Page<InteractionDto>> {
    const after = keyOf(query);
    const until = Date.now() + (query.waitSeconds ?? 0) * 1000;
    for (;;) {
      const page = await this.page(query, after);
      const leftMs = until - Date.now();
      if (page.items.length > 0 || leftMs <= 0 || !(await this.goOn(null, leftMs, signal))) return page;
    }
  }

  /** Opens an interaction. Throws Forbidden when an agent asks for another, NotFound on the agent, Invalid on an action of something that is no approval. */
  async create(input: CreateInteractionDto): Promise<InteractionDto> {
    const row = rowOf(input, new Date());
    return oneTransaction(this.em, async () => {
      try {
        await tenantSql(this.em, (db) => insertInteraction(db, row));
      } catch (error) {
        if (isForeignKeyViolation(error)) throw new NotFound('agent', row.agent_id!);
        throw error;
      }
      const interaction = InteractionDto.of(row);
      await this.hooks.interactionOpened.run(this.em, interaction);
      this.wakeups.notify();
      return interaction;
    });
  }

  /** One interaction that stays as it is until the running transaction ends: for who acts on what it says. Throws NotFound. */
  async hold(id: string, now = new Date()): Promise<InteractionDto> {
    if (!runningTransaction(this.em)) throw new Error('Nothing is held without a transaction: open one around hold()');
    const row = await tenantSql(this.em, (db) => lockInteraction(db, id, 'share'));
    if (!row) throw new NotFound('interaction', id);
    return InteractionDto.of(row, now);
  }

  /** A transaction of the caller's own must not stay open while it waits. */
  private goOn(id: string | null, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return runningTransaction(this.em) ? Promise.resolve(false) : this.wakeups.wait(id, timeoutMs, signal);
  }

  private page(query: InteractionQuery, after: InteractionKey): Promise<Page<InteractionDto>> {
    return tenantRead(this.em, async (db) => {
      const now = new Date();
      const rows = await selectInteractions(db, query, after, now);
      const page: Page<InteractionDto> = pageOf(rows, query.limit, (row) => (query.order === 'priority' ? [row.priority, row.id] : [row.id]), (row) => InteractionDto.of(row, now));
      if (query.total) page.total = await countInteractions(db, query, now);
      return page;
    });
  }
}

/** Where the page begins. What cannot be answered by an index is refused. */
function keyOf({ order, status, subjectType, subjectId, cursor }: InteractionQuery): InteractionKey {
  if (subjectType !== undefined && subjectId === undefined) throw Invalid.at('/subjectType', 'subjectType goes with subjectId only');
  if (order !== 'priority') {
    const id = decodeIdCursor(cursor);
    return id === undefined ? undefined : { id };
  }
  if (status !== 'pending') throw Invalid.at('/order', 'order by priority goes with status=pending only');
  const key = decodeCursor(cursor, 2);
  if (key === null) return undefined;
  const [priority, id] = key;
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 0 || priority > 9 || !isUuid(id)) throw foreignCursor();
  return { priority, id };
}

/** The row of a new interaction. */
function rowOf(input: CreateInteractionDto, now: Date): InteractionRow {
  const { actor } = requireContext().principal;
  const agentId = input.agentId ?? (actor.type === 'agent' ? actor.id : null);
  if (actor.type === 'agent' && agentId?.toLowerCase() !== actor.id) throw new Forbidden(`Agent ${actor.id} cannot ask for agent ${agentId}`, 'not-yours');
  const action = input.action ?? null;
  if (action && input.type !== 'approval_request') throw Invalid.at('/action', `action belongs to an approval_request, and this is a ${input.type}`);
  const bound = action && { name: action.name, parameters: action.parameters };
  return {
    id: newId(),
    type: input.type,
    status: 'pending',
    subject_type: input.subject?.type ?? null,
    subject_id: input.subject?.id.toLowerCase() ?? null,
    agent_id: agentId?.toLowerCase() ?? null,
    session_id: input.sessionId?.toLowerCase() ?? null,
    content: input.content,
    options: input.options ?? null,
    priority: input.priority ?? DEFAULT_PRIORITY,
    action: bound,
    action_digest: bound && digestOf(bound),
    response: null,
    responded_at: null,
    responded_by_id: null,
    responded_by_name: null,
    used_at: null,
    expires_at: input.expiresInSeconds == null ? null : new Date(now.getTime() + input.expiresInSeconds * 1000),
    created_at: now,
    updated_at: now,
  };
}
