import { IsIn, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import { AGENT_STATUSES, type AgentStatus } from './presence.entity.js';

/** A sign of life. */
export class HeartbeatDto {
  /** The status that the agent is in now; absent, it stays, or ends a stale heartbeat. */
  @IsOptional()
  @IsIn(AGENT_STATUSES, { message: 'status must be one of: $constraint1' })
  status?: AgentStatus;

  /** Why the agent is in this status; one that differs from the last is kept in the record, too. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string;

  /** Readings of the agent's own, such as memory or queue length, at most 16 KiB; the last ones are kept. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(16_384)
  metrics?: Record<string, unknown>;
}

/** Presence as SQL returns it. */
export interface PresenceRow {
  agent_id: string;
  status: AgentStatus;
  status_reason: string | null;
  status_changed_at: Date;
  last_heartbeat_at: Date | null;
  metrics: Record<string, unknown> | null;
}

/** Whether an agent is there. */
export class PresenceDto {
  agentId: string;
  status: AgentStatus;
  statusReason: string | null;
  statusChangedAt: string;
  lastHeartbeatAt: string | null;
  metrics: Record<string, unknown> | null;

  static of(row: PresenceRow): PresenceDto {
    return {
      agentId: row.agent_id,
      status: row.status,
      statusReason: row.status_reason,
      statusChangedAt: iso(row.status_changed_at),
      lastHeartbeatAt: iso(row.last_heartbeat_at),
      metrics: row.metrics,
    };
  }
}

/** Which changes to list, newest first. */
export class StatusChangeQuery extends PageQuery {}

/** A status change as SQL returns it. */
export interface StatusChangeRow {
  id: string;
  from_status: AgentStatus;
  to_status: AgentStatus;
  reason: string | null;
  changed_by: string | null;
  changed_by_name: string;
  changed_at: Date;
}

/** One change of an agent's status. */
export class StatusChangeDto {
  id: string;
  from: AgentStatus;
  to: AgentStatus;
  reason: string | null;
  /** Id of the user or agent that changed it; null when a service did. */
  by: string | null;
  byName: string;
  at: string;

  static of(row: StatusChangeRow): StatusChangeDto {
    return {
      id: row.id,
      from: row.from_status,
      to: row.to_status,
      reason: row.reason,
      by: row.changed_by,
      byName: row.changed_by_name,
      at: iso(row.changed_at),
    };
  }
}

/** A page of status changes, newest first. */
export class StatusChangePage {
  items: StatusChangeDto[];
  nextCursor: string | null;
  /** Number of all changes of the agent, when asked for. */
  total?: number;
}
