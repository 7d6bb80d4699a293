import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, moment, oneOf, tenantId, tenantSecurity, updatedAt } from '@agent-hive/kernel';
import { Project, PROJECT_STATES, type ProjectStateName } from './project.entity.js';

/** One change of a project's state: to what, why, by whom, when. */
export const ProjectStateSchema = defineEntity({
  name: 'ProjectState',
  schema: 'identity',
  tableName: 'project_state',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    project: () => p.manyToOne(Project).joinColumns('tenant_id', 'project_id').ownColumns('project_id').deleteRule('cascade').updateRule('no action').ref(),
    state: p.text().$type<ProjectStateName>(),
    reason: p.text().nullable(),
    transitionedBy: p.uuid().nullable(),
    transitionedAt: moment(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  indexes: [{ name: 'project_state_project_index', properties: ['tenantId', 'project', 'id'] }],
  checks: [
    { name: 'project_state_state_check', expression: oneOf('state', PROJECT_STATES) },
    { name: 'project_state_reason_check', expression: 'length(reason) <= 2000' },
  ],
});

export class ProjectState extends ProjectStateSchema.class {}
ProjectStateSchema.setClass(ProjectState);
