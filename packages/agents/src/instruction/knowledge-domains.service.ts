import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, transactional } from '@agent-hive/kernel';
import { requireDistinct } from './distinct-names.js';
import type { Instruction } from './instruction.entity.js';
import { InstructionsService } from './instructions.service.js';
import { KnowledgeDomainDto, type KnowledgeDomainsDto, type PutKnowledgeDomainsDto } from './knowledge-domain.dto.js';
import { KnowledgeDomain } from './knowledge-domain.entity.js';

const PRIORITY_DEFAULT = 5;

/** The fields that agents are at home in. */
@Injectable()
export class KnowledgeDomainsService {
  constructor(
    private readonly em: EntityManager,
    private readonly instructions: InstructionsService,
  ) {}

  /** All knowledge domains of an agent's instruction. Throws NotFound on the agent, Refused when it has no instruction. */
  async list(agentId: string): Promise<KnowledgeDomainsDto> {
    return answer(await this.find(this.em, await this.instructions.require(this.em, agentId)));
  }

  /** Makes these the knowledge domains; one whose name stays keeps its id. Throws Invalid on a name twice, NotFound, or Refused without an instruction. */
  async replace(agentId: string, { items }: PutKnowledgeDomainsDto): Promise<KnowledgeDomainsDto> {
    requireDistinct(items, 'domainName');
    return transactional(this.em, async (em) => {
      const instruction = await this.instructions.lock(em, agentId);
      const before = await this.find(em, instruction);
      const stored = new Map(before.map((domain) => [domain.domainName, domain]));
      const names = namesOf(before);
      for (const item of items) {
        const values = { priorityLevel: item.priorityLevel ?? PRIORITY_DEFAULT, description: item.description ?? null, domainMetadata: item.domainMetadata ?? {} };
        const kept = stored.get(item.domainName);
        stored.delete(item.domainName);
        if (kept) wrap(kept).assign(values, { merge: false, mergeObjectProperties: false });
        else em.create(KnowledgeDomain, { ...values, domainName: item.domainName, instruction });
      }
      for (const gone of stored.values()) em.remove(gone);
      await em.flush();
      const after = await this.find(em, instruction);
      // The instruction's own representation names its knowledge domains in their order.
      if (namesOf(after) !== names) instruction.updatedAt = new Date();
      await em.flush();
      return answer(after);
    });
  }

  private find(em: EntityManager, instruction: Instruction): Promise<KnowledgeDomain[]> {
    return em.find(KnowledgeDomain, { tenantId: currentTenantId(), instruction }, { orderBy: { priorityLevel: 'desc', domainName: 'asc' } });
  }
}

const namesOf = (domains: KnowledgeDomain[]): string => JSON.stringify(domains.map((domain) => domain.domainName));

const answer = (domains: KnowledgeDomain[]): KnowledgeDomainsDto => ({ items: domains.map((domain) => KnowledgeDomainDto.of(domain)) });
