import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { constraintName, currentTenantId, decodeIdCursor, Forbidden, Invalid, isForeignKeyViolation, NotFound, pageOf, Refused, requireContext, Stale, tenantRead, tenantSql, tenantStatement, transactional, Unavailable, type Page } from '@agent-hive/kernel';
import { AgentsHooks } from '../agents.hooks.js';
import { selectLineage, selectPositions, type Stretch } from './advance.sql.js';
import { SessionDto, type CreateSessionDto, type SessionQuery, type UpdateSessionDto } from './session.dto.js';
import { refuseEnded, Session, SESSION_TRANSITIONS, TRUST_LEVELS } from './session.entity.js';
import { countSessions, insertSession, lockSession, markExpired, selectSession, selectSessionByExternalId, selectSessions, type NewSession } from './session.sql.js';

/** The sessions of a tenant. An agent acts in its own sessions and in those of no agent. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AgentsHooks,
  ) {}

  /** One session. Throws NotFound. */
  async get(id: string): Promise<SessionDto> {
    const row = await tenantStatement(this.em, (db) => selectSession(db, id));
    if (!row) throw new NotFound('session', id);
    return SessionDto.of(row);
  }

  /** One session by the id that its caller knows it by. Throws NotFound. */
  async getByExternalId(externalId: string): Promise<SessionDto> {
    const row = await tenantStatement(this.em, (db) => selectSessionByExternalId(db, externalId));
    if (!row) throw new NotFound('session', externalId);
    return SessionDto.of(row);
  }

  /** A page of sessions, newest first. */
  async list(query: SessionQuery): Promise<Page<SessionDto>> {
    const [before, now] = [decodeIdCursor(query.cursor), new Date()];
    return tenantRead(this.em, async (db) => {
      const rows = await selectSessions(db, query, before, now);
      const page: Page<SessionDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => SessionDto.of(row));
      if (query.total) page.total = await countSessions(db, query, now);
      return page;
    });
  }

  /**
   * Starts a session, with the context of the one that it continues. Throws NotFound on agent, user or that one, Forbidden when an
   * agent starts another's, Invalid on a moment that has passed, Refused when the external id is taken or the user is another.
   */
  async create(input: CreateSessionDto): Promise<SessionDto> {
    const session = await this.trusted(newSession(input), input);
    return this.insert(input.continues ? continued(session, await this.get(input.continues)) : session);
  }

  /** Starts a session that shares the messages of another up to a sequence. Throws as create does. */
  async fork(input: CreateSessionDto, from: Stretch): Promise<SessionDto> {
    return this.insert({ ...(await this.trusted(newSession(input), input)), forkedFrom: from.sessionId, forkSequence: from.upTo });
  }

  /** Changes an open session that is still at the version (any, when null). Throws NotFound, Stale, Forbidden, Invalid, or Refused. */
  async update(id: string, input: UpdateSessionDto, version: number | null): Promise<SessionDto> {
    return transactional(this.em, async (em) => {
      await tenantSql(em, (db) => lockSession(db, id));
      // Read after the lock, whose waiting may have made an earlier copy stale.
      const session = await em.findOne(Session, { tenantId: currentTenantId(), id }, { refresh: true });
      if (!session) throw new NotFound('session', id);
      requireOwn(id, session.agent?.id ?? null);
      const now = new Date();
      session.requireOpen(now, input.state);
      if (version !== null && session.version !== version) throw new Stale('session', id);
      const { state, expiresAt, ...rest } = input;
      wrap(session).assign({ ...rest, ...(expiresAt !== undefined && { expiresAt: future(expiresAt, now) }) }, { ignoreUndefined: true, mergeObjectProperties: false });
      if (state !== undefined) session.moveTo(state, now);
      await em.flush();
      return this.get(id);
    });
  }

  /** The sessions that a session's messages lie in, itself first. Throws NotFound. */
  async lineage(id: string): Promise<Stretch[]> {
    const line = await tenantStatement(this.em, (db) => selectLineage(db, id));
    if (line.length === 0) throw new NotFound('session', id);
    return line;
  }

  /** The last sequences of sessions of the running tenant. */
  async positions(ids: readonly string[]): Promise<Map<string, number>> {
    return tenantRead(this.em, (db) => selectPositions(db, ids));
  }

  /** Tells why a session did not advance: NotFound, Forbidden, or Refused (`session-ended`, `session-paused`, `sequence-conflict`). */
  async refuse(id: string, expectedSequence: number | null): Promise<never> {
    const { agentId, state, lastSequence } = await this.get(id);
    requireOwn(id, agentId);
    if (SESSION_TRANSITIONS[state].length === 0) refuseEnded(id, state);
    if (state === 'paused') throw new Refused(`session ${id} is paused: make it active before you write to it`, 'session-paused', { state });
    if (expectedSequence !== null && expectedSequence !== lastSequence) {
      const message = `session ${id} is at sequence ${lastSequence}, not ${expectedSequence}: read what came after ${expectedSequence} and repeat`;
      throw new Refused(message, 'sequence-conflict', { expectedSequence, actualSequence: lastSequence });
    }
    // It was paused, or over, or elsewhere, a moment ago.
    throw new Unavailable(`session ${id} was changed while you wrote to it: repeat the request`, 1, 'busy');
  }

  /** Marks the running tenant's sessions whose time is over; returns how many. Safe to run twice; writes are refused from that time on anyway. */
  async sweep(now = new Date()): Promise<number> {
    for (let marked = 0; ; ) {
      const count = await tenantSql(this.em, (db) => markExpired(db, now));
      marked += count;
      if (count === 0) return marked;
    }
  }

  /** With the level that the agent has, where the caller names none. */
  private async trusted(session: NewSession, { trustLevel }: CreateSessionDto): Promise<NewSession> {
    if (trustLevel !== undefined || session.agentId === null) return session;
    return { ...session, trustLevel: Math.max(0, ...(await this.hooks.trustLevel.run(this.em, session.agentId))) };
  }

  private async insert(session: NewSession): Promise<SessionDto> {
    try {
      const row = await tenantStatement(this.em, (db) => insertSession(db, session));
      if (!row) throw new Refused(`A session with externalId ${session.externalId} exists: read it by GET /v1/sessions/by-external-id/${session.externalId}`, 'conflict');
      return SessionDto.of(row);
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      throw constraintName(error)?.includes('user') ? new NotFound('user', String(session.userId)) : new NotFound('agent', String(session.agentId));
    }
  }
}

/** An agent writes into its own sessions and into those of no agent. */
function requireOwn(id: string, agentId: string | null): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && agentId !== null && agentId !== actor.id) throw new Forbidden(`session ${id} is another agent's: agent ${actor.id} cannot write to it`, 'not-yours');
}

/** The session that a request describes. Throws Forbidden for another agent's, Invalid on a moment that has passed. */
function newSession(input: CreateSessionDto): NewSession {
  const { actor } = requireContext().principal;
  const agentId = input.agentId?.toLowerCase() ?? (actor.type === 'agent' ? actor.id : null);
  if (actor.type === 'agent' && agentId !== actor.id) throw new Forbidden(`Agent ${actor.id} cannot start a session of agent ${agentId}`, 'not-yours');
  future(input.expiresAt ?? null, new Date());
  return {
    externalId: input.externalId ?? null,
    name: input.name ?? null,
    platform: input.platform ?? null,
    agentId,
    userId: input.userId?.toLowerCase() ?? null,
    trustLevel: TRUST_LEVELS.indexOf(input.trustLevel ?? 'L0'),
    context: input.context ?? {},
    sessionMetadata: input.sessionMetadata ?? {},
    continues: null,
    forkedFrom: null,
    forkSequence: null,
    expiresAt: input.expiresAt ?? null,
  };
}

/** With the context of an earlier session: of the agent's own, or of nobody's; and never of one user's for another. */
function continued(session: NewSession, earlier: SessionDto): NewSession {
  requireOwn(earlier.id, earlier.agentId);
  if (earlier.userId !== null && session.userId !== null && earlier.userId !== session.userId) {
    throw new Refused(`session ${earlier.id} is of user ${earlier.userId}: one of user ${session.userId} cannot start with its context`, 'another-user');
  }
  return { ...session, userId: session.userId ?? earlier.userId, context: { ...earlier.context, ...session.context }, continues: earlier.id };
}

function future(expiresAt: string | null, now: Date): Date | null {
  if (expiresAt === null) return null;
  const at = new Date(expiresAt);
  if (at <= now) throw new Invalid('expiresAt has passed', [{ pointer: '/expiresAt', message: 'must be a moment to come' }]);
  return at;
}
