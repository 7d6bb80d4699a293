import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';

/** What an agent is for and how it speaks; its capabilities, knowledge domains and prompt templates hang on it. One an agent. */
export const InstructionSchema = defineEntity({
  name: 'Instruction',
  schema: 'agents',
  tableName: 'instruction',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.oneToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').unique('instruction_agent_unique').ref(),
    purpose: p.text(),
    toneGuidelines: p.text().nullable(),
    responseTemplates: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own, by name
    instructionMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'instruction_purpose_check', expression: 'length(purpose) between 1 and 20000' },
    { name: 'instruction_tone_guidelines_check', expression: 'length(tone_guidelines) <= 20000' },
    { name: 'instruction_response_templates_check', expression: jsonType('response_templates', 'object') },
    { name: 'instruction_instruction_metadata_check', expression: jsonType('instruction_metadata', 'object') },
  ],
});

export class Instruction extends InstructionSchema.class {}
InstructionSchema.setClass(Instruction);
