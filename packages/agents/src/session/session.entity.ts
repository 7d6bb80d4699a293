import { defineEntity, p } from '@mikro-orm/postgresql';
import { User } from '@agent-hive/identity';
import { createdAt, id, jsonType, moment, oneOf, Refused, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';

/** Everything that a session can be. The last three are ends. */
export const SESSION_STATES = ['active', 'paused', 'completed', 'terminated', 'expired'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** From each state, the ones that a caller may choose. Time alone makes a session expired. */
export const SESSION_TRANSITIONS: Readonly<Record<SessionState, readonly SessionState[]>> = {
  active: ['paused', 'completed', 'terminated'],
  paused: ['active', 'completed', 'terminated'],
  completed: [],
  terminated: [],
  expired: [],
};

/** Levels of trust, least first; stored as their place in this list. */
export const TRUST_LEVELS = ['L0', 'L1', 'L2', 'L3', 'L4'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

type Json = Record<string, unknown>;

/**
 * A conversation, of an agent, a user, both or neither. Nothing is written into one that has ended or whose time is over. Its
 * messages are kept downstream; what they need of it (last sequence, ends of the range of their ids, tokens) is moved by advanceSession().
 */
export const SessionSchema = defineEntity({
  name: 'Session',
  schema: 'agents',
  tableName: 'session',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    externalId: p.text().nullable(),
    name: p.text().nullable(),
    platform: p.text().nullable(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    user: () => p.manyToOne(User).joinColumns('tenant_id', 'user_id').ownColumns('user_id').deleteRule('no action').updateRule('no action').ref().nullable(),
    state: p.text().$type<SessionState>().default('active'),
    trustLevel: p.smallint().default(0),
    context: p.json<Json>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // what is kept from session to session
    sessionMetadata: p.json<Json>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // the caller's own
    continues: () => p.manyToOne(Session).joinColumns('tenant_id', 'continues_id').ownColumns('continues_id').deleteRule('no action').updateRule('no action').ref().nullable(),
    forkedFrom: () => p.manyToOne(Session).joinColumns('tenant_id', 'forked_from_id').ownColumns('forked_from_id').deleteRule('no action').updateRule('no action').ref().nullable(),
    forkSequence: p.bigint('number').nullable(),
    lastSequence: p.bigint('number').default(0),
    firstMessageId: p.uuid().nullable(),
    lastMessageId: p.uuid().nullable(),
    lastMessageAt: moment().nullable(),
    tokensUsed: p.bigint('number').default(0),
    startedAt: moment(),
    endedAt: moment().nullable(),
    expiresAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'session_external_id_unique', expression: 'create unique index "session_external_id_unique" on "agents"."session" ("tenant_id", "external_id") where external_id is not null' }],
  indexes: [
    { name: 'session_active_index', properties: ['tenantId', 'id'], where: `state = 'active'` },
    { name: 'session_state_index', properties: ['tenantId', 'state', 'id'], where: `state <> 'active'` },
    { name: 'session_expiry_index', properties: ['tenantId', 'expiresAt'], where: `state in ('active', 'paused') and expires_at is not null` },
    { name: 'session_agent_index', properties: ['tenantId', 'agent', 'id'], where: 'agent_id is not null' },
    { name: 'session_user_index', properties: ['tenantId', 'user', 'id'], where: 'user_id is not null' },
    { name: 'session_name_index', properties: ['tenantId', 'name', 'id'], where: 'name is not null' },
    { name: 'session_continues_index', properties: ['tenantId', 'continues'], where: 'continues_id is not null' },
    { name: 'session_forked_from_index', properties: ['tenantId', 'forkedFrom'], where: 'forked_from_id is not null' },
  ],
  checks: [
    { name: 'session_external_id_check', expression: 'length(external_id) between 1 and 200' },
    { name: 'session_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'session_platform_check', expression: 'length(platform) between 1 and 100' },
    { name: 'session_state_check', expression: oneOf('state', SESSION_STATES) },
    { name: 'session_trust_level_check', expression: 'trust_level between 0 and 4' },
    { name: 'session_context_check', expression: jsonType('context', 'object') },
    { name: 'session_session_metadata_check', expression: jsonType('session_metadata', 'object') },
    { name: 'session_fork_check', expression: '(forked_from_id is null) = (fork_sequence is null)' },
    { name: 'session_last_sequence_check', expression: 'last_sequence >= coalesce(fork_sequence, 0)' },
    { name: 'session_tokens_used_check', expression: 'tokens_used >= 0' },
    { name: 'session_ended_at_check', expression: `(ended_at is null) = (state = 'active' or state = 'paused')` },
  ],
});

export class Session extends SessionSchema.class {
  /** Refuses a write to a session that has ended, or whose time is over though nobody has marked it yet. */
  requireOpen(at: Date, to?: SessionState): void {
    const state: SessionState = this.expiresAt && this.expiresAt <= at && !this.endedAt ? 'expired' : this.state;
    if (SESSION_TRANSITIONS[state].length === 0) refuseEnded(this.id, state, to);
  }

  /** Goes to a state that may follow the present one; to be in it already is no change. Throws Refused with what may follow. */
  moveTo(to: SessionState, at: Date): void {
    const from: SessionState = this.state;
    const allowed = SESSION_TRANSITIONS[from];
    if (to === from) return;
    if (!allowed.includes(to)) throw new Refused(`session ${this.id} is ${from} and cannot become ${to}; it can become ${allowed.join(', ')}`, 'illegal-transition', { from, to, allowed });
    this.state = to;
    if (SESSION_TRANSITIONS[to].length === 0) this.endedAt = at;
  }
}
SessionSchema.setClass(Session);

/** The refusal of a write to a session that is no longer open. */
export function refuseEnded(id: string, state: SessionState, to?: SessionState): never {
  const message = `session ${id} is ${state} and takes nothing more: start another one that continues it`;
  throw new Refused(message, 'session-ended', { state, ...(to !== undefined && { from: state, to, allowed: [] }) });
}
