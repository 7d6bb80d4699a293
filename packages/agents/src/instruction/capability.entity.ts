import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { Instruction } from './instruction.entity.js';

/** Something that an instruction says the agent can do, with its parameters. The name is what requirements ask for. */
export const CapabilitySchema = defineEntity({
  name: 'Capability',
  schema: 'agents',
  tableName: 'capability',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    instruction: () => p.manyToOne(Instruction).joinColumns('tenant_id', 'instruction_id').ownColumns('instruction_id').deleteRule('cascade').updateRule('no action').ref(),
    capabilityName: p.text(),
    description: p.text().nullable(),
    parameters: p.json<Record<string, unknown>>().columnType('jsonb'), // how the capability is used, by name
    capabilityMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  uniques: [{ name: 'capability_instruction_name_unique', properties: ['tenantId', 'instruction', 'capabilityName'] }],
  indexes: [{ name: 'capability_name_index', properties: ['tenantId', 'capabilityName', 'instruction'] }],
  checks: [
    { name: 'capability_capability_name_check', expression: 'length(capability_name) between 1 and 100' },
    { name: 'capability_description_check', expression: 'length(description) <= 2000' },
    { name: 'capability_parameters_check', expression: jsonType('parameters', 'object') },
    { name: 'capability_capability_metadata_check', expression: jsonType('capability_metadata', 'object') },
  ],
});

export class Capability extends CapabilitySchema.class {}
CapabilitySchema.setClass(Capability);
