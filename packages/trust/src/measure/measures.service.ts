import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Agent, TRUST_LEVELS } from '@agent-hive/agents';
import { currentTenantId, Forbidden, Invalid, isForeignKeyViolation, NotFound, Refused, requireContext, transactional } from '@agent-hive/kernel';
import { ANY_CLASS } from '../gate/gate.js';
import { LevelsService } from '../level/levels.service.js';
import { Freeze } from './freeze.entity.js';
import { Incident } from './incident.entity.js';
import { FreezeDto, IncidentDto, OverrideDto, type CreateFreezeDto, type CreateIncidentDto, type CreateOverrideDto } from './measure.dto.js';
import { Override } from './override.entity.js';
import { requirePeople } from './people.js';

/** What people do about an agent's trust beside judging its decisions: override, freeze, report. */
@Injectable()
export class MeasuresService {
  constructor(
    private readonly em: EntityManager,
    private readonly levels: LevelsService,
  ) {}

  /** Puts a level in place of the earned one, until it expires. Throws NotFound on the agent, Forbidden for an agent (`own-trust`, `people-only`), Invalid on a moment that has passed, Refused (`frozen`) on a rise while it is frozen. */
  async override(agentId: string, input: CreateOverrideDto): Promise<OverrideDto> {
    requirePeople('overrides the trust of', agentId);
    const now = new Date();
    const expiresAt = future(input.expiresAt, now)!;
    return this.withAgent(agentId, async (em, agent) => {
      const [actionClass, level] = [input.actionClass ?? ANY_CLASS, TRUST_LEVELS.indexOf(input.level)];
      const override = em.create(Override, { agent, actionClass, level, reason: input.reason, expiresAt, createdByName: actorName(), createdAt: now });
      await em.flush();
      await this.levels.override({ id: override.id, agentId: agent.id, actionClass, level, reason: input.reason, expiresAt }, now);
      return OverrideDto.of(override);
    });
  }

  /** Ends an override before its time. Throws NotFound, Forbidden for an agent, Refused (`override-ended`) when it is over. */
  async liftOverride(agentId: string, overrideId: string): Promise<void> {
    await this.withAgent(agentId, async (em, agent) => {
      requirePeople('overrides the trust of', agentId);
      const override = await em.findOne(Override, { tenantId: currentTenantId(), id: overrideId, agent });
      if (!override) throw new NotFound('override', overrideId);
      if (!(await this.levels.lift(agent.id, override.id, new Date()))) throw new Refused(`override ${override.id} is over already`, 'override-ended');
    });
  }

  /** Keeps every level of an agent from rising. Throws NotFound on the agent, Forbidden for an agent, Invalid on a moment that has passed. */
  async freeze(agentId: string, input: CreateFreezeDto): Promise<FreezeDto> {
    requirePeople('freezes the trust of', agentId);
    const now = new Date();
    const expiresAt = future(input.expiresAt ?? null, now);
    return this.withAgent(agentId, async (em, agent) => {
      const freeze = em.create(Freeze, { agent, reason: input.reason, expiresAt, createdByName: actorName(), createdAt: now });
      await em.flush();
      return FreezeDto.of(freeze);
    });
  }

  /** Lets levels rise again. Throws NotFound, Forbidden for an agent, Refused (`freeze-lifted`) when it was lifted. */
  async liftFreeze(agentId: string, freezeId: string): Promise<void> {
    await this.withAgent(agentId, async (em, agent) => {
      requirePeople('freezes the trust of', agentId);
      const freeze = await em.findOne(Freeze, { tenantId: currentTenantId(), id: freezeId, agent });
      if (!freeze) throw new NotFound('freeze', freezeId);
      if (freeze.liftedAt) throw new Refused(`freeze ${freeze.id} was lifted already`, 'freeze-lifted');
      freeze.liftedAt = new Date();
      freeze.liftedByName = actorName();
      await em.flush();
    });
  }

  /** Takes what went wrong by an agent, and the trust that it costs, at once. Throws NotFound on the agent, Forbidden when an agent reports another. */
  async report(agentId: string, input: CreateIncidentDto): Promise<IncidentDto> {
    const { actor } = requireContext().principal;
    if (actor.type === 'agent' && actor.id !== agentId.toLowerCase()) throw new Forbidden(`Agent ${actor.id} reports what went wrong by itself only`, 'not-yours');
    return this.withAgent(agentId, async (em, agent) => {
      const now = new Date();
      const incident = em.create(Incident, { agent, severity: input.severity, description: input.description, reportedByName: actor.name, createdAt: now });
      await em.flush();
      await this.levels.punish(agent.id, { id: incident.id, severity: input.severity }, now);
      return IncidentDto.of(incident);
    });
  }

  /** In one transaction. The foreign keys of what is written keep the agent: NotFound when it is deleted meanwhile. */
  private withAgent<T>(agentId: string, work: (em: EntityManager, agent: Agent) => Promise<T>): Promise<T> {
    return transactional(this.em, async (em) => {
      const agent = await em.findOne(Agent, { tenantId: currentTenantId(), id: agentId });
      if (!agent) throw new NotFound('agent', agentId);
      return work(em, agent);
    }).catch((error: unknown) => {
      if (isForeignKeyViolation(error)) throw new NotFound('agent', agentId);
      throw error;
    });
  }
}

const actorName = (): string => requireContext().principal.actor.name;

function future(moment: string | null, now: Date): Date | null {
  if (moment === null) return null;
  const at = new Date(moment);
  if (at <= now) throw new Invalid('expiresAt has passed', [{ pointer: '/expiresAt', message: 'must be a moment to come' }]);
  return at;
}
