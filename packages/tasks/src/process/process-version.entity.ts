import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, jsonType, tenantId, tenantSecurity } from '@agent-hive/kernel';
import type { Definition } from './definition.js';
import { Process } from './process.entity.js';

/** One definition of a process. It never changes: a changed definition is the next version. */
export const ProcessVersionSchema = defineEntity({
  name: 'ProcessVersion',
  schema: 'tasks',
  tableName: 'process_version',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    process: () => p.manyToOne(Process).primary().joinColumns('tenant_id', 'process_id').ownColumns('process_id').deleteRule('cascade').updateRule('no action').ref(),
    number: p.integer().primary(),
    /** Task templates that form a DAG. */
    steps: p.json<Definition['steps']>().columnType('jsonb'),
    /** JSON Schema of a run's parameters. */
    parameters: p.json<Definition['parameters']>().columnType('jsonb'),
    requirements: p.json<Definition['requirements']>().columnType('jsonb'), // ProcessRequirementsDto
    successCriteria: p.json<Definition['successCriteria']>().columnType('jsonb'), // SuccessCriteriaDto
    triggers: p.json<Definition['triggers']>().columnType('jsonb'), // what may start a run, none twice
    createdAt: createdAt(),
  },
  checks: [
    { name: 'process_version_number_check', expression: 'number >= 1' },
    { name: 'process_version_steps_check', expression: jsonType('steps', 'array') },
    { name: 'process_version_parameters_check', expression: jsonType('parameters', 'object') },
    { name: 'process_version_requirements_check', expression: jsonType('requirements', 'object') },
    { name: 'process_version_success_criteria_check', expression: jsonType('success_criteria', 'object') },
    { name: 'process_version_triggers_check', expression: jsonType('triggers', 'array') },
  ],
});

export class ProcessVersion extends ProcessVersionSchema.class {}
ProcessVersionSchema.setClass(ProcessVersion);
