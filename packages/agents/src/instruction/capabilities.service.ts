import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, transactional } from '@agent-hive/kernel';
import { CapabilityDto, type CapabilitiesDto, type PutCapabilitiesDto } from './capability.dto.js';
import { Capability } from './capability.entity.js';
import { requireDistinct } from './distinct-names.js';
import type { Instruction } from './instruction.entity.js';
import { InstructionsService } from './instructions.service.js';

/** What instructions say that agents can do. */
@Injectable()
export class CapabilitiesService {
  constructor(
    private readonly em: EntityManager,
    private readonly instructions: InstructionsService,
  ) {}

  /** All capabilities of an agent's instruction. Throws NotFound on the agent, Refused when it has no instruction. */
  async list(agentId: string): Promise<CapabilitiesDto> {
    return answer(await this.find(this.em, await this.instructions.require(this.em, agentId)));
  }

  /** Makes these the capabilities; one whose name stays keeps its id. Throws Invalid on a name twice, NotFound, or Refused without an instruction. */
  async replace(agentId: string, { items }: PutCapabilitiesDto): Promise<CapabilitiesDto> {
    requireDistinct(items, 'capabilityName');
    return transactional(this.em, async (em) => {
      const instruction = await this.instructions.lock(em, agentId);
      const before = await this.find(em, instruction);
      const stored = new Map(before.map((capability) => [capability.capabilityName, capability]));
      const names = namesOf(before);
      for (const item of items) {
        const values = { description: item.description ?? null, parameters: item.parameters ?? {}, capabilityMetadata: item.capabilityMetadata ?? {} };
        const kept = stored.get(item.capabilityName);
        stored.delete(item.capabilityName);
        if (kept) wrap(kept).assign(values, { merge: false, mergeObjectProperties: false });
        else em.create(Capability, { ...values, capabilityName: item.capabilityName, instruction });
      }
      for (const gone of stored.values()) em.remove(gone);
      await em.flush();
      const after = await this.find(em, instruction);
      // The instruction's own representation names its capabilities.
      if (namesOf(after) !== names) instruction.updatedAt = new Date();
      await em.flush();
      return answer(after);
    });
  }

  private find(em: EntityManager, instruction: Instruction): Promise<Capability[]> {
    return em.find(Capability, { tenantId: currentTenantId(), instruction }, { orderBy: { capabilityName: 'asc' } });
  }
}

const namesOf = (capabilities: Capability[]): string => JSON.stringify(capabilities.map((capability) => capability.capabilityName));

const answer = (capabilities: Capability[]): CapabilitiesDto => ({ items: capabilities.map((capability) => CapabilityDto.of(capability)) });
