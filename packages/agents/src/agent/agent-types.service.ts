import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, NotFound, Refused, tenantSql, transactional } from '@agent-hive/kernel';
import { AgentTypeDto, type AgentTypesDto, type PutAgentTypeDto } from './agent-type.dto.js';
import { AgentType } from './agent-type.entity.js';
import { insertAgentType } from './agent-type.sql.js';
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
      const description = input.description ?? null;
      if (await tenantSql(em, (db) => insertAgentType(db, name, description))) return AgentTypeDto.of({ name, description });
      const type = await this.load(em, name);
      type.description = description;
      type.updatedAt = new Date();
      await em.flush();
      return AgentTypeDto.of(type);
    });
  }

  /** Takes a type back. Throws NotFound, or Refused while agents have it. */
  async delete(name: string): Promise<void> {
    await transactional(this.em, async (em) => {
      // The lock waits for agents of the type that are being registered and keeps new ones out, so the count is the truth.
      const type = await this.load(em, name);
      const agents = await em.count(Agent, { tenantId: currentTenantId(), type: name });
      if (agents > 0) throw new Refused(`${agents} agents are of type ${name}`, 'in-use', { counts: { 'agents.agent': agents } });
      await em.remove(type).flush();
    });
  }

  private async load(em: EntityManager, name: string): Promise<AgentType> {
    const type = await em.findOne(AgentType, { tenantId: currentTenantId(), name }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (!type) throw new NotFound('agent type', name);
    return type;
  }
}
