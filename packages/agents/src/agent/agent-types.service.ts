import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, NotFound, Refused, transactional } from '@agent-hive/kernel';
import { AgentTypeDto, type AgentTypesDto, type PutAgentTypeDto } from './agent-type.dto.js';
import { AgentType } from './agent-type.entity.js';
import { Agent, AGENT_TYPES } from './agent.entity.js';

/** The kinds of agents that a tenant knows. */
@Injectable()
export class AgentTypesService {
  constructor(private readonly em: EntityManager) {}

  /** Built-in types, then the tenant's own by name. A tenant has few, so there are no pages. */
  async list(): Promise<AgentTypesDto> {
    const own = await this.em.find(AgentType, { tenantId: currentTenantId() }, { orderBy: { name: 'asc' } });
    return { items: [...AGENT_TYPES.map((name) => AgentTypeDto.of({ name }, true)), ...own.map((type) => AgentTypeDto.of(type))] };
  }

  /** Adds a type, or says something else of it. Throws Refused for a built-in one. */
  async upsert(name: string, input: PutAgentTypeDto): Promise<AgentTypeDto> {
    if ((AGENT_TYPES as readonly string[]).includes(name)) throw new Refused(`${name} is a built-in type`, 'built-in');
    return transactional(this.em, async (em) => {
      const type = (await em.findOne(AgentType, { tenantId: currentTenantId(), name })) ?? em.create(AgentType, { name });
      type.description = input.description ?? null;
      await em.persist(type).flush();
      return AgentTypeDto.of(type);
    });
  }

  /** Takes a type back. Throws NotFound, or Refused while agents have it. */
  async delete(name: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const type = await em.findOne(AgentType, { tenantId: currentTenantId(), name });
      if (!type) throw new NotFound('agent type', name);
      const agents = await em.count(Agent, { tenantId: currentTenantId(), type: name });
      if (agents > 0) throw new Refused(`${agents} agents are of type ${name}`, 'in-use', { counts: { 'agents.agent': agents } });
      await em.remove(type).flush();
    });
  }
}
