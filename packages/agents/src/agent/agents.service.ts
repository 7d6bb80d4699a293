import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { EntriesService } from '@agent-hive/audit';
import { ApiKeysService, Project } from '@agent-hive/identity';
import { currentTenantId, decodeIdCursor, Invalid, isForeignKeyViolation, NotFound, pageOf, Refused, Stale, tenantRead, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { AgentsHooks } from '../agents.hooks.js';
import { PresenceService } from '../presence/presence.service.js';
import { AgentDto, type AgentQuery, type CreateAgentDto, type UpdateAgentDto, type UpsertAgentDto } from './agent.dto.js';
import { Agent, AGENT_TYPES, agentName } from './agent.entity.js';
import { countAgents, countCascade, insertAgent, lockAgent, lockAgentWhole, selectAgent, selectAgentByExternalId, selectAgents, selectTypeNames, type NewAgent } from './agent.sql.js';

/** The registry of agents. Reads and creation are hot and go by SQL; changes go through the unit of work. */
@Injectable()
export class AgentsService {
  constructor(
    private readonly em: EntityManager,
    private readonly presence: PresenceService,
    private readonly hooks: AgentsHooks,
    private readonly keys: ApiKeysService,
    private readonly entries: EntriesService,
  ) {}

  /** One agent. Throws NotFound. */
  async get(id: string, options: { tools?: boolean } = {}): Promise<AgentDto> {
    const row = await tenantStatement(this.em, (db) => selectAgent(db, id, options));
    if (!row) throw new NotFound('agent', id);
    return AgentDto.of(row);
  }

  /** One agent by the id that its caller knows it by. Throws NotFound. */
  async getByExternalId(externalId: string): Promise<AgentDto> {
    const row = await tenantStatement(this.em, (db) => selectAgentByExternalId(db, externalId));
    if (!row) throw new NotFound('agent', externalId);
    return AgentDto.of(row);
  }

  /** A page of agents, newest first. */
  async list(query: AgentQuery): Promise<Page<AgentDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectAgents(db, query, before);
      const page: Page<AgentDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => AgentDto.of(row));
      if (query.total) page.total = await countAgents(db, query);
      return page;
    });
  }

  /** Registers an agent as `initializing`. Throws Invalid on name or type, NotFound on the project, Refused when the external id is taken. */
  async create(input: CreateAgentDto): Promise<AgentDto> {
    const made = isBuiltIn(input.type) ? await this.register(input) : await transactional(this.em, () => this.register(input));
    if (!made) throw new Refused(`An agent with externalId ${input.externalId} exists: change it by PUT /v1/agents/by-external-id/${input.externalId}`, 'conflict');
    return made;
  }

  /** Creates the agent of an external id, or gives it these values. A version that is given (null: any) must be the present one: Stale. */
  async upsert(externalId: string, input: UpsertAgentDto, version: number | null | undefined): Promise<{ agent: AgentDto; created: boolean }> {
    if (input.externalId != null && input.externalId !== externalId) {
      throw new Invalid('externalId differs from the one in the path', [{ pointer: '/externalId', message: `must be ${externalId}` }]);
    }
    return transactional(this.em, async (em) => {
      const agent = await this.newAgent({ ...input, externalId });
      const made = version === undefined ? await this.insert(agent) : undefined;
      if (made) return { agent: made, created: true };
      const found = await em.findOne(Agent, { tenantId: currentTenantId(), externalId });
      if (!found) throw version === undefined ? new NotFound('agent', externalId) : new Stale('agent', externalId);
      if (found.type !== agent.type) throw new Refused(`agent ${found.id} is of type ${found.type}, which is fixed for life`, 'type-fixed');
      return { agent: await this.change(em, found.id, agent, version ?? null), created: false };
    });
  }

  /** Changes an agent that is still at the version (any, when null). Throws NotFound, Stale, Invalid, or Refused for an illegal status. */
  async update(id: string, input: UpdateAgentDto, version: number | null): Promise<AgentDto> {
    return transactional(this.em, (em) => this.change(em, id, input, version));
  }

  /** Deletes an agent without history, and revokes its keys; the record keeps how much went with it. Throws Refused with the counts per table when there is one: such an agent is shut down instead. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const agent = await this.load(em, id, version, lockAgentWhole);
      const references = (await this.hooks.references.run(em, id)).flat().filter((r) => r.count > 0);
      if (references.length > 0) {
        const counts = Object.fromEntries(references.map((r) => [r.table, r.count]));
        const list = references.map((r) => `${r.count} in ${r.table}`).join(', ');
        throw new Refused(`agent ${id} has a history (${list}): shut it down by PATCH status shutdown instead`, 'has-history', { counts });
      }
      await this.keys.revokeOfAgent(id);
      const counts = await tenantSql(em, (db) => countCascade(db, id));
      await em.remove(agent).flush();
      await this.entries.record({ action: 'agent.cascaded', subjectType: 'agent', subjectId: id, agentId: id, details: { counts } });
    });
  }

  private async change(em: EntityManager, id: string, input: UpdateAgentDto, version: number | null): Promise<AgentDto> {
    const agent = await this.load(em, id, version, lockAgent);
    const { name, status, statusReason, projectId, ...rest } = input;
    const values = Object.fromEntries(Object.entries(rest).filter(([key, value]) => value !== undefined && key in agent && key !== 'type'));
    wrap(agent).assign({ ...values, ...(name !== undefined && { name: agentName(name) }) }, { merge: false, mergeObjectProperties: false });
    if (projectId !== undefined) {
      if (projectId !== null && !(await em.findOne(Project, { tenantId: currentTenantId(), id: projectId }))) throw new NotFound('project', projectId);
      agent.project = projectId === null ? null : em.getReference(Project, [currentTenantId(), projectId], { wrapped: true });
    }
    // A change of the status alone must move the version too, since the agent's representation changes.
    agent.updatedAt = new Date();
    await em.flush();
    if (status !== undefined || statusReason != null) await this.presence.move(id, status ?? null, statusReason ?? null);
    return this.get(id);
  }

  private async load(em: EntityManager, id: string, version: number | null, lock: typeof lockAgent): Promise<Agent> {
    await tenantSql(em, (db) => lock(db, id));
    // Read after the lock, whose waiting may have made an earlier copy stale.
    const agent = await em.findOne(Agent, { tenantId: currentTenantId(), id }, { refresh: true });
    if (!agent) throw new NotFound('agent', id);
    if (version !== null && agent.version !== version) throw new Stale('agent', id);
    return agent;
  }

  private async register(input: CreateAgentDto): Promise<AgentDto | undefined> {
    return this.insert(await this.newAgent(input));
  }

  private async insert(agent: NewAgent): Promise<AgentDto | undefined> {
    try {
      const row = await tenantStatement(this.em, (db) => insertAgent(db, agent));
      return row && AgentDto.of(row);
    } catch (error) {
      if (isForeignKeyViolation(error)) throw new NotFound('project', String(agent.projectId));
      throw error;
    }
  }

  private async newAgent(input: CreateAgentDto): Promise<NewAgent> {
    await this.requireType(input.type);
    return {
      name: agentName(input.name),
      type: input.type,
      personaType: input.personaType ?? null,
      description: input.description ?? null,
      model: input.model ?? null,
      capabilities: input.capabilities ?? [],
      config: input.config ?? {},
      externalId: input.externalId ?? null,
      projectId: input.projectId ?? null,
      enhancedFeaturesEnabled: input.enhancedFeaturesEnabled ?? true,
    };
  }

  private async requireType(type: string): Promise<void> {
    if (isBuiltIn(type)) return;
    const allowed = [...AGENT_TYPES, ...(await tenantStatement(this.em, (db) => selectTypeNames(db)))];
    if (!allowed.includes(type)) {
      const message = `Agent type must be one of: [${allowed.join(', ')}]`;
      throw new Invalid(message, [{ pointer: '/type', message, allowed }]);
    }
  }
}

const isBuiltIn = (type: string): boolean => (AGENT_TYPES as readonly string[]).includes(type);
