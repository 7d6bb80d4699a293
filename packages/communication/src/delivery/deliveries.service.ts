import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeIdCursor, Forbidden, NotFound, pageOf, Refused, requireContext, tenantRead, tenantSql, tenantStatement, type Page } from '@agent-hive/kernel';
import { selectMessage } from '../mail/agent-message.sql.js';
import { NotificationsService } from '../notification/notifications.service.js';
import { ArrivalsService } from './arrivals.service.js';
import { deadLetterNotices } from './dead-letter.js';
import { DeliveryDto, type AcknowledgeDto, type DeadLetterQuery, type DeliveryQuery, type RejectDto, type SettlementDto } from './delivery.dto.js';
import { countDeadLetters, countDeliveries, selectDeadLetters, selectDeliveries, selectDelivery } from './delivery.sql.js';
import { acknowledge, redrive, reject, type SettledRow, type Settlement } from './settlement.sql.js';

/** Pauses after a rejection, by hand-out: twice as long each time, up to five minutes. */
const PAUSES_MS = [5, 10, 20, 40, 80, 160, 300].map((seconds) => seconds * 1000);
/** Share of a pause that chance may take off, so that what was rejected together does not come back together. */
const JITTER = 0.25;

/** What becomes of deliveries after they were handed out. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly em: EntityManager,
    private readonly arrivals: ArrivalsService,
    private readonly notifications: NotificationsService,
  ) {}

  /** One delivery. Throws NotFound. */
  async get(id: string, now = new Date()): Promise<DeliveryDto> {
    const row = await tenantRead(this.em, (db) => selectDelivery(db, id, now));
    if (!row) throw new NotFound('delivery', id);
    return DeliveryDto.of(row);
  }

  /** A page of the deliveries of a message, by agent. Throws NotFound. */
  async listByMessage(messageId: string, query: DeliveryQuery): Promise<Page<DeliveryDto>> {
    const after = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectDeliveries(db, messageId, query.limit + 1, after, new Date());
      if (rows.length === 0 && !(await selectMessage(db, messageId))) throw new NotFound('agent message', messageId);
      const page: Page<DeliveryDto> = pageOf(rows, query.limit, (row) => [row.agent_id], (row) => DeliveryDto.of(row));
      if (query.total) page.total = await countDeliveries(db, messageId);
      return page;
    });
  }

  /** A page of dead letters, newest first. */
  async listDeadLetters({ agentId, limit, cursor, total }: DeadLetterQuery): Promise<Page<DeliveryDto>> {
    const before = decodeIdCursor(cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectDeadLetters(db, agentId, limit + 1, before, new Date());
      const page: Page<DeliveryDto> = pageOf(rows, limit, (row) => [row.id], (row) => DeliveryDto.of(row));
      if (total) page.total = await countDeadLetters(db, agentId);
      return page;
    });
  }

  /**
   * Ends a delivery as acknowledged; again, it changes nothing. Late, after the visibility timeout, it counts as long as the
   * message was not handed out again. Throws NotFound, Forbidden, or Refused: another's, under a stale receipt, or ended otherwise.
   */
  async acknowledge(id: string, input: AcknowledgeDto, now = new Date()): Promise<DeliveryDto> {
    const row = settled(id, await tenantStatement(this.em, (db) => acknowledge(db, settlementOf(id, input, now))));
    if (row.verdict !== 'done' && row.verdict !== 'acknowledged') throw new Refused(`delivery ${id} is ${row.verdict}: it can be acknowledged while it is pending or delivered`, 'illegal-transition', { from: row.verdict, to: 'acknowledged', allowed: [] });
    return DeliveryDto.of(row);
  }

  /** Takes back a hand-out: the message is handed out again after a pause, or is a dead letter. Throws as acknowledge() does. */
  async reject(id: string, input: RejectDto, now = new Date()): Promise<DeliveryDto> {
    const pausesMs = input.delaySeconds === undefined ? PAUSES_MS.map((ms) => Math.round(ms * (1 - JITTER * Math.random()))) : [input.delaySeconds * 1000];
    const row = await tenantSql(this.em, async (db) => {
      const found = settled(id, await reject(db, { ...settlementOf(id, input, now), reason: input.reason, requeue: input.requeue ?? true, pausesMs }));
      if (found.verdict !== 'done') throw new Refused(`delivery ${id} is ${found.verdict}: only what is handed out can be rejected`, 'not-delivered', { state: found.verdict });
      await this.notifications.notify(db, deadLetterNotices([found]), now);
      return found;
    });
    if (row.state === 'pending' && row.available_at === null) this.arrivals.notify([row.agent_id]);
    return DeliveryDto.of(row);
  }

  /** Hands out a dead letter anew, its hand-outs counted from the first and its time to live off. Throws NotFound, or Refused when it is none. */
  async redrive(id: string, now = new Date()): Promise<DeliveryDto> {
    const row = settled(id, await tenantStatement(this.em, (db) => redrive(db, id, now)));
    if (row.verdict !== 'done') throw new Refused(`delivery ${id} is ${row.verdict}: only a dead letter (rejected, dead) can be redriven`, 'illegal-transition', { from: row.verdict, to: 'pending', allowed: [] });
    this.arrivals.notify([row.agent_id]);
    return DeliveryDto.of(row);
  }
}

/** An agent writes for itself; whoever else does may say for whom. Throws Forbidden. */
function settlementOf(id: string, { agentId, receipt }: SettlementDto, now: Date): Settlement {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && agentId !== undefined && actor.id !== agentId.toLowerCase()) throw new Forbidden(`Agent ${actor.id} cannot write in the name of agent ${agentId}`, 'not-yours');
  return { id, agentId: actor.type === 'agent' ? actor.id : (agentId ?? null), receipt: receipt ?? null, now };
}

function settled(id: string, row: SettledRow | undefined): SettledRow {
  if (!row) throw new NotFound('delivery', id);
  if (row.verdict === 'not-yours') throw new Refused(`delivery ${id} is in another agent's inbox, and nothing was changed`, 'not-yours');
  if (row.verdict === 'stale') throw new Refused(`delivery ${id} was handed out again, or taken back, since that receipt was given: nothing was changed`, 'stale-receipt', { state: row.state });
  return row;
}
