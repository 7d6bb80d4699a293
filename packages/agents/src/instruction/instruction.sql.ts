import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { InstructionRow } from './instruction.dto.js';

/**
 * The instruction of one agent with the agent's name and the names of what hangs on it, in one query: by
 * instruction_agent_unique, capability_instruction_name_unique and knowledge_domain_instruction_name_unique.
 */
export async function selectInstruction(db: Sql, agentId: string): Promise<InstructionRow | undefined> {
  const found = await sql<InstructionRow>`
    select i.id, i.agent_id, a.name as agent_name, i.purpose, i.tone_guidelines, i.response_templates, i.instruction_metadata, i.version, i.created_at, i.updated_at,
           (select coalesce(json_agg(c.capability_name order by c.capability_name), '[]'::json)
              from agents.capability c where c.tenant_id = i.tenant_id and c.instruction_id = i.id) as capabilities,
           (select coalesce(json_agg(k.domain_name order by k.priority_level desc, k.domain_name), '[]'::json)
              from agents.knowledge_domain k where k.tenant_id = i.tenant_id and k.instruction_id = i.id) as knowledge_domains
      from agents.instruction i
      join agents.agent a on a.tenant_id = i.tenant_id and a.id = i.agent_id
     where i.tenant_id = ${currentTenantId()} and i.agent_id = ${agentId}`.execute(db);
  return found.rows[0];
}
