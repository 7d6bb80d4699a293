import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, Forbidden, NotFound, pageOf, Refused, requireContext, tenantRead, tenantSql, tenantStatement, type Page } from '@agent-hive/kernel';
import { agentExists } from '../agent/agent.sql.js';
import { PresenceDto, StatusChangeDto, type HeartbeatDto, type StatusChangeQuery } from './presence.dto.js';
import { refuseTransition, type AgentStatus } from './presence.entity.js';
import { countStatusChanges, markStale, movePresence, selectStatusChanges, type Move } from './presence.sql.js';

/** Signs of life, and the status that follows from them. */
@Injectable()
export class PresenceService {
  constructor(private readonly em: EntityManager) {}

  /** Takes a sign of life. Throws NotFound, Forbidden when an agent speaks for another, Refused for a shut-down agent or an illegal status. */
  async heartbeat(agentId: string, input: HeartbeatDto): Promise<PresenceDto> {
    const { actor } = requireContext().principal;
    if (actor.type === 'agent' && actor.id !== agentId) throw new Forbidden(`Agent ${actor.id} cannot send the heartbeat of agent ${agentId}`, 'not-yours');
    return this.apply({ agentId, status: input.status ?? null, reason: input.reason ?? null, metrics: input.metrics ?? null, heartbeat: true, at: new Date() });
  }

  /** Moves an agent to a status that may follow its present one (null: stays in it), and says why. Throws NotFound or Refused. */
  async move(agentId: string, status: AgentStatus | null, reason: string | null): Promise<PresenceDto> {
    return this.apply({ agentId, status, reason, metrics: null, heartbeat: false, at: new Date() });
  }

  /** A page of an agent's status changes, newest first. Throws NotFound. */
  async listChanges(agentId: string, query: StatusChangeQuery): Promise<Page<StatusChangeDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectStatusChanges(db, agentId, query.limit + 1, before);
      if (rows.length === 0 && !(await agentExists(db, agentId))) throw new NotFound('agent', agentId);
      const page: Page<StatusChangeDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => StatusChangeDto.of(row));
      if (query.total) page.total = await countStatusChanges(db, agentId);
      return page;
    });
  }

  /** Marks the running tenant's agents that were silent for longer as stale; returns how many. Safe to run twice and beside heartbeats. */
  async sweep(staleAfterSeconds: number, now = new Date()): Promise<number> {
    const cutoff = new Date(now.getTime() - staleAfterSeconds * 1000);
    for (let marked = 0; ; ) {
      const ids = await tenantSql(this.em, (db) => markStale(db, cutoff, now));
      marked += ids.length;
      if (ids.length === 0) return marked;
    }
  }

  private async apply(move: Move): Promise<PresenceDto> {
    const row = await tenantStatement(this.em, (db) => movePresence(db, move));
    if (!row) throw new NotFound('agent', move.agentId);
    if (!row.moved && row.from_status === 'shutdown' && row.to_status === 'shutdown') {
      throw new Refused(`agent ${move.agentId} of tenant ${currentTenantId()} is shut down: it must become initializing before it gives signs of life`, 'agent-shutdown');
    }
    if (!row.moved) refuseTransition(move.agentId, row.from_status, row.to_status);
    return PresenceDto.of(row);
  }
}
