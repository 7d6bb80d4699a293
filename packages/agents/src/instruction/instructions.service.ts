import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { EntriesService } from '@agent-hive/audit';
import { currentTenantId, NotFound, Refused, Stale, tenantRead, tenantSql, transactional } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';
import { agentExists } from '../agent/agent.sql.js';
import { Capability } from './capability.entity.js';
import { InstructionDto, type PutInstructionDto } from './instruction.dto.js';
import { Instruction } from './instruction.entity.js';
import { selectInstruction } from './instruction.sql.js';
import { KnowledgeDomain } from './knowledge-domain.entity.js';
import { PromptTemplate } from './prompt-template.entity.js';

/** What agents are for and how they speak; one instruction an agent. */
@Injectable()
export class InstructionsService {
  constructor(
    private readonly em: EntityManager,
    private readonly entries: EntriesService,
  ) {}

  /** The instruction of an agent. Throws NotFound on the agent, or on the instruction when it has none. */
  async get(agentId: string): Promise<InstructionDto> {
    return tenantRead(this.em, async (db) => {
      const row = await selectInstruction(db, agentId);
      if (row) return InstructionDto.of(row);
      throw new NotFound((await agentExists(db, agentId)) ? 'instruction' : 'agent', agentId);
    });
  }

  /** Gives an agent its instruction, or replaces the one it has. A version that is given (null: any) must be the present one. Throws NotFound or Stale. */
  async upsert(agentId: string, input: PutInstructionDto, version: number | null | undefined): Promise<{ instruction: InstructionDto; created: boolean }> {
    const values = {
      purpose: input.purpose,
      toneGuidelines: input.toneGuidelines ?? null,
      responseTemplates: input.responseTemplates ?? {},
      instructionMetadata: input.instructionMetadata ?? {},
    };
    return transactional(this.em, async (em) => {
      const tenantId = currentTenantId();
      // Writers take turns on the agent, so that of two first ones the second replaces what the first made.
      const agent = await em.findOne(Agent, { tenantId, id: agentId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!agent) throw new NotFound('agent', agentId);
      const found = await em.findOne(Instruction, { tenantId, agent }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      requireVersion(agentId, found, version);
      if (found) wrap(found).assign(values, { merge: false, mergeObjectProperties: false });
      else em.create(Instruction, { ...values, agent });
      await em.flush();
      const row = await tenantSql(em, (db) => selectInstruction(db, agentId));
      return { instruction: InstructionDto.of(row!), created: !found };
    });
  }

  /** Takes the instruction of an agent away, with everything that hangs on it; the record keeps how much that was. Throws NotFound or Stale. */
  async delete(agentId: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const instruction = await this.find(em, agentId);
      if (!instruction) throw new NotFound('instruction', agentId);
      requireVersion(agentId, instruction, version);
      const children = { tenantId: instruction.tenantId, instruction };
      const counts = {
        'agents.capability': await em.count(Capability, children),
        'agents.knowledge_domain': await em.count(KnowledgeDomain, children),
        'agents.prompt_template': await em.count(PromptTemplate, children),
      };
      await em.remove(instruction).flush();
      await this.entries.record({ action: 'instruction.cascaded', subjectType: 'instruction', subjectId: instruction.id, agentId, details: { counts } });
    });
  }

  /** The instruction of an agent, to read what hangs on it. Throws NotFound on the agent, Refused when it has none. */
  async require(em: EntityManager, agentId: string): Promise<Instruction> {
    return (await em.findOne(Instruction, keyOf(agentId))) ?? this.refuse(em, agentId);
  }

  /** The same, locked until the transaction ends: writers of what hangs on an instruction take turns. */
  async lock(em: EntityManager, agentId: string): Promise<Instruction> {
    return (await this.find(em, agentId)) ?? this.refuse(em, agentId);
  }

  private find(em: EntityManager, agentId: string): Promise<Instruction | null> {
    return em.findOne(Instruction, keyOf(agentId), { lockMode: LockMode.PESSIMISTIC_WRITE });
  }

  private async refuse(em: EntityManager, agentId: string): Promise<never> {
    if (!(await tenantSql(em, (db) => agentExists(db, agentId)))) throw new NotFound('agent', agentId);
    throw new Refused(`agent ${agentId} has no instruction: give it one by PUT /v1/agents/${agentId}/instructions first`, 'no-instruction');
  }
}

const keyOf = (agentId: string) => ({ tenantId: currentTenantId(), agent: [currentTenantId(), agentId] as [string, string] });

/** Refuses a write that builds on another version than the stored one, or on one that is not there. */
function requireVersion(agentId: string, stored: Instruction | null, version: number | null | undefined): void {
  if (version === undefined || (stored && (version === null || stored.version === version))) return;
  throw new Stale('The instruction of agent', agentId);
}
