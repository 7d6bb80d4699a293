import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { DEPENDENCY_TYPES, type DependencyType } from '../task/lifecycle.js';
import { Task } from '../task/task.entity.js';

/** One task waits for another. The edges of a tenant, with those from groups to their children, form no cycle. */
export const DependencySchema = defineEntity({
  name: 'TaskDependency',
  schema: 'tasks',
  tableName: 'task_dependency',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    dependent: () => p.manyToOne(Task).primary().joinColumns('tenant_id', 'dependent_id').ownColumns('dependent_id').deleteRule('cascade').updateRule('no action').ref(),
    dependency: () => p.manyToOne(Task).primary().joinColumns('tenant_id', 'dependency_id').ownColumns('dependency_id').deleteRule('cascade').updateRule('no action').ref(),
    type: p.text().$type<DependencyType>(),
    createdAt: createdAt(),
    /** When the dependency did what was waited for; null while the dependent waits. */
    resolvedAt: moment().nullable(),
  },
  indexes: [{ name: 'task_dependency_dependents_index', properties: ['tenantId', 'dependency', 'dependent'] }],
  checks: [
    { name: 'task_dependency_type_check', expression: oneOf('type', DEPENDENCY_TYPES) },
    { name: 'task_dependency_self_check', expression: 'dependent_id <> dependency_id' },
  ],
});

export class TaskDependency extends DependencySchema.class {}
DependencySchema.setClass(TaskDependency);
