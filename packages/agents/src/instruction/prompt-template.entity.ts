import { isDeepStrictEqual } from 'node:util';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { Instruction } from './instruction.entity.js';

/** One version of a prompt template. Its text never changes; of the versions of one name at most one is active. */
export const PromptTemplateSchema = defineEntity({
  name: 'PromptTemplate',
  schema: 'agents',
  tableName: 'prompt_template',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    instruction: () => p.manyToOne(Instruction).joinColumns('tenant_id', 'instruction_id').ownColumns('instruction_id').deleteRule('cascade').updateRule('no action').ref(),
    templateName: p.text(),
    templateVersion: p.integer(),
    templateContent: p.text(),
    contextParameters: p.json<Record<string, unknown>>().columnType('jsonb'), // what the placeholders of the content may be, by name
    isActive: p.boolean(),
    /** The version whose text this one brought back. */
    restoredFromVersion: p.integer().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  uniques: [
    { name: 'prompt_template_version_unique', properties: ['tenantId', 'instruction', 'templateName', 'templateVersion'] },
    {
      name: 'prompt_template_active_unique',
      expression: 'create unique index "prompt_template_active_unique" on "agents"."prompt_template" ("tenant_id", "instruction_id", "template_name") where is_active',
    },
  ],
  checks: [
    { name: 'prompt_template_template_name_check', expression: 'length(template_name) between 1 and 100' },
    { name: 'prompt_template_template_version_check', expression: 'template_version >= 1' },
    { name: 'prompt_template_template_content_check', expression: 'length(template_content) between 1 and 200000' },
    { name: 'prompt_template_context_parameters_check', expression: jsonType('context_parameters', 'object') },
  ],
});

export class PromptTemplate extends PromptTemplateSchema.class {
  /** Whether this version is the text with these parameters; the order of their keys means nothing. */
  says(content: string, parameters: Record<string, unknown>): boolean {
    return this.templateContent === content && isDeepStrictEqual(this.contextParameters, parameters);
  }
}
PromptTemplateSchema.setClass(PromptTemplate);
