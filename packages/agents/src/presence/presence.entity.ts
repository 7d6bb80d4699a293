import { defineEntity, p } from '@mikro-orm/postgresql';
import { jsonType, moment, oneOf, Refused, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';

/** Everything that an agent can be. */
export const AGENT_STATUSES = ['initializing', 'active', 'idle', 'busy', 'error', 'shutdown'] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];

/** Statuses in which an agent takes work. */
export const ACTIVE_STATUSES: readonly AgentStatus[] = ['active', 'idle', 'busy'];

/** Reason of the status `error` when no heartbeat came in time; the next heartbeat ends it. */
export const STALE_HEARTBEAT = 'stale_heartbeat';

/** From each status, the ones that may follow. A shut-down agent must initialize again before it works. */
export const STATUS_TRANSITIONS: Readonly<Record<AgentStatus, readonly AgentStatus[]>> = {
  initializing: ['active', 'idle', 'busy', 'error', 'shutdown'],
  active: ['idle', 'busy', 'error', 'shutdown'],
  idle: ['active', 'busy', 'error', 'shutdown'],
  busy: ['active', 'idle', 'error', 'shutdown'],
  error: ['initializing', 'active', 'idle', 'busy', 'shutdown'],
  shutdown: ['initializing'],
};

/**
 * Whether an agent is there: its status and its last heartbeat. A row of its own, so that a heartbeat neither waits for
 * nor moves the version of the agent. Moved by compare-and-set in presence.sql.ts; each change leaves a status_change.
 */
export const PresenceSchema = defineEntity({
  name: 'Presence',
  schema: 'agents',
  tableName: 'presence',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').ref(),
    status: p.text().$type<AgentStatus>(),
    statusReason: p.text().nullable(),
    statusChangedAt: moment(),
    lastHeartbeatAt: moment().nullable(),
    heartbeatCount: p.bigint('number'),
    metrics: p.json<Record<string, unknown>>().columnType('jsonb').nullable(), // readings of the last heartbeat, by names that the agent chose
  },
  indexes: [
    { name: 'presence_status_index', properties: ['tenantId', 'status', 'agent'] },
    // Only those whose silence means something; the sweep reads it from the oldest on.
    { name: 'presence_heartbeat_index', properties: ['tenantId', 'lastHeartbeatAt'], where: `status in ('active', 'idle', 'busy')` },
  ],
  checks: [
    { name: 'presence_status_check', expression: oneOf('status', AGENT_STATUSES) },
    { name: 'presence_status_reason_check', expression: 'length(status_reason) <= 500' },
    { name: 'presence_metrics_check', expression: jsonType('metrics', 'object') },
  ],
});

export class Presence extends PresenceSchema.class {}
PresenceSchema.setClass(Presence);

/** `from>to` of every permitted change, for the compare-and-set. */
export const permittedChanges = (): string[] => AGENT_STATUSES.flatMap((from) => STATUS_TRANSITIONS[from].map((to) => `${from}>${to}`));

/** The refusal of a change that the table does not permit. */
export function refuseTransition(agentId: string, from: AgentStatus, to: AgentStatus): never {
  const allowed = STATUS_TRANSITIONS[from];
  throw new Refused(`agent ${agentId} is ${from} and cannot become ${to}; it can become ${allowed.join(', ')}`, 'illegal-transition', { from, to, allowed });
}
