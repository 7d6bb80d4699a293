import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { Instruction } from './instruction.entity.js';

/** A field that an agent is at home in; the highest priority level comes first. */
export const KnowledgeDomainSchema = defineEntity({
  name: 'KnowledgeDomain',
  schema: 'agents',
  tableName: 'knowledge_domain',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    instruction: () => p.manyToOne(Instruction).joinColumns('tenant_id', 'instruction_id').ownColumns('instruction_id').deleteRule('cascade').updateRule('no action').ref(),
    domainName: p.text(),
    priorityLevel: p.integer(),
    description: p.text().nullable(),
    domainMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  uniques: [{ name: 'knowledge_domain_instruction_name_unique', properties: ['tenantId', 'instruction', 'domainName'] }],
  indexes: [{ name: 'knowledge_domain_name_index', properties: ['tenantId', 'domainName', 'instruction'] }],
  checks: [
    { name: 'knowledge_domain_domain_name_check', expression: 'length(domain_name) between 1 and 100' },
    { name: 'knowledge_domain_priority_level_check', expression: 'priority_level between 1 and 10' },
    { name: 'knowledge_domain_description_check', expression: 'length(description) <= 2000' },
    { name: 'knowledge_domain_domain_metadata_check', expression: jsonType('domain_metadata', 'object') },
  ],
});

export class KnowledgeDomain extends KnowledgeDomainSchema.class {}
KnowledgeDomainSchema.setClass(KnowledgeDomain);
