import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SessionsService, type SessionDto, type Stretch } from '@agent-hive/agents';
import { Invalid, NotFound, tenantStatement } from '@agent-hive/kernel';
import type { CreateForkDto } from './fork.dto.js';
import { stretchOf } from './history.sql.js';
import { selectPlaces } from './message.sql.js';

/** Sessions that branch off from others at a message. They share what was said until then, and nothing is copied. */
@Injectable()
export class ForksService {
  constructor(
    private readonly em: EntityManager,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * Branches off from a session, ended or not. Throws NotFound on session or message, Invalid when there is no such sequence, Forbidden
   * when it is another agent's, Refused when the external id is taken.
   */
  async create(sessionId: string, { messageId, sequence, ...given }: CreateForkDto): Promise<SessionDto> {
    const [from, line] = [await this.sessions.get(sessionId), await this.sessions.lineage(sessionId)];
    const at = messageId ? await this.placeOf(messageId, line) : stretchOf(line, sequence ?? from.lastSequence);
    if (!at) throw new Invalid(`session ${sessionId} has no message ${sequence ?? 1}: it is at sequence ${from.lastSequence}`, [{ pointer: '/sequence', message: `must be 1 to ${from.lastSequence}` }]);
    if (messageId && sequence != null && sequence !== at.upTo) throw new Invalid(`message ${messageId} is number ${at.upTo}`, [{ pointer: '/sequence', message: `must be ${at.upTo}, or absent` }]);
    const { agentId, userId, name, platform, trustLevel, context, sessionMetadata } = from;
    const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return this.sessions.fork({ agentId, userId, name, platform, trustLevel, context, sessionMetadata, ...own }, at);
  }

  private async placeOf(messageId: string, line: readonly Stretch[]): Promise<Stretch> {
    const [place] = await tenantStatement(this.em, (db) => selectPlaces(db, [messageId]));
    const found = place && stretchOf(line, place.sequence);
    if (!found || found.sessionId !== place.sessionId) throw new NotFound('message', messageId);
    return found;
  }
}
