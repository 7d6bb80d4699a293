import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Forbidden, NotFound, Refused, requireContext, runningTransaction, tenantStatement } from '@agent-hive/kernel';
import { ArrivalsService } from './arrivals.service.js';
import { DeliveredDto, type DeliveredRow, type InboxDto, type InboxQuery } from './delivery.dto.js';
import { handOut } from './hand-out.sql.js';

/** What waits for an agent. */
@Injectable()
export class InboxService {
  constructor(
    private readonly em: EntityManager,
    private readonly arrivals: ArrivalsService,
  ) {}

  /**
   * Hands out what waits for an agent, waiting for it if told to; nothing is held while it waits, and nothing is handed out
   * to one who is gone (`signal`). Throws NotFound on the agent, Forbidden when an agent asks for another's, Refused when it is shut down.
   */
  async receive(agentId: string, query: InboxQuery, signal?: AbortSignal): Promise<InboxDto> {
    requireOwn(agentId);
    const until = Date.now() + query.waitSeconds * 1000;
    for (;;) {
      const items = await this.take(agentId, query, new Date());
      const left = until - Date.now();
      // A transaction of the caller's own must not stay open while it waits.
      if (items.length > 0 || left <= 0 || runningTransaction(this.em)) return { items };
      if (!(await this.arrivals.wait(agentId, left, signal))) return { items: [] };
    }
  }

  /** Hands out what waits at a moment. Throws NotFound on the agent, or Refused when it is shut down. */
  async take(agentId: string, { limit, visibilitySeconds }: Pick<InboxQuery, 'limit' | 'visibilitySeconds'>, now: Date): Promise<DeliveredDto[]> {
    const visibleUntil = new Date(now.getTime() + visibilitySeconds * 1000);
    const rows = await tenantStatement(this.em, (db) => handOut(db, { agentId, limit, visibleUntil, now }));
    if (rows.length === 0) throw new NotFound('agent', agentId);
    if (rows[0]!.agent_status === 'shutdown') throw new Refused(`agent ${agentId} is shut down: it must become initializing before it takes its mail`, 'agent-shutdown');
    return rows.filter((row): row is DeliveredRow & typeof row => row.id !== null).map((row) => DeliveredDto.of(row));
  }
}

/** Refuses an agent that asks for what is another's. */
export function requireOwn(agentId: string): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && actor.id !== agentId) throw new Forbidden(`Agent ${actor.id} cannot read the inbox of agent ${agentId}`, 'not-yours');
}
