import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantStatement } from '@agent-hive/kernel';
import { MatchItemDto, type MatchDto, type MatchesDto, type RequirementsDto, type Weights } from './match.dto.js';
import { selectMatches, type Order } from './match.sql.js';

/** Finds the agents that fit a piece of work, and says why. */
@Injectable()
export class MatchesService {
  constructor(private readonly em: EntityManager) {}

  /**
   * The best agents first; none when no active, enhanced agent has any of the required capabilities. By `cover`, those that
   * have all of them come before the others, whatever those score.
   */
  async list({ requirements, limit }: MatchDto, first: Order = 'score'): Promise<MatchesDto> {
    const weights = weightsFor(requirements);
    const rows = await tenantStatement(this.em, (db) => selectMatches(db, requirements, weights, { first, limit, now: new Date() }));
    return { items: rows.map((row) => MatchItemDto.of(row, requirements.capabilities ?? [], weights)) };
  }
}

/**
 * Capability cover is half of the score and presence a quarter, split between load and recency; performance is the
 * remaining quarter at complexity 5, and moves from 0.15 to 0.35 with it. A knowledge domain adds 0.2. Shares are then
 * scaled to add up to 1.
 */
export function weightsFor({ complexity = 5, domain }: RequirementsDto): Weights {
  const raw: Weights = { cover: 0.5, performance: 0.15 + 0.02 * complexity, load: 0.15, recency: 0.1, domain: domain === undefined ? 0 : 0.2 };
  const sum = raw.cover + raw.performance + raw.load + raw.recency + raw.domain;
  const share = (value: number) => Math.round((value / sum) * 1e6) / 1e6;
  return { cover: share(raw.cover), performance: share(raw.performance), load: share(raw.load), recency: share(raw.recency), domain: share(raw.domain) };
}
