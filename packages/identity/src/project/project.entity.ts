import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, oneOf, Refused, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** Everything that a project can be. */
export const PROJECT_STATES = ['planning', 'active', 'paused', 'completed', 'archived'] as const;
export type ProjectStateName = (typeof PROJECT_STATES)[number];

/** From each state, the ones that may follow. Archived is the end. */
export const PROJECT_TRANSITIONS: Readonly<Record<ProjectStateName, readonly ProjectStateName[]>> = {
  planning: ['active', 'archived'],
  active: ['paused', 'completed', 'archived'],
  paused: ['active', 'completed', 'archived'],
  completed: ['active', 'archived'],
  archived: [],
};

/** What agents and tasks are grouped by. Every change of its state leaves a row in project_state. */
export const ProjectSchema = defineEntity({
  name: 'Project',
  schema: 'identity',
  tableName: 'project',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    description: p.json<unknown>().columnType('jsonb').nullable(), // a text or any JSON, as it was sent
    state: p.text().$type<ProjectStateName>(),
    projectMetadata: p.json<Record<string, unknown>>().columnType('jsonb'), // the caller's own
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  indexes: [{ name: 'project_state_name_index', properties: ['tenantId', 'state', 'id'] }],
  checks: [
    { name: 'project_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'project_state_check', expression: oneOf('state', PROJECT_STATES) },
    { name: 'project_project_metadata_check', expression: jsonType('project_metadata', 'object') },
  ],
});

export class Project extends ProjectSchema.class {
  /** Moves to a state that may follow the present one; throws Refused naming those. */
  moveTo(state: ProjectStateName): void {
    const allowed = PROJECT_TRANSITIONS[this.state];
    if (!allowed.includes(state)) {
      throw new Refused(`project ${this.id} is ${this.state} and cannot become ${state}; it can become ${allowed.join(', ') || 'nothing else'}`, 'illegal-transition', {
        from: this.state,
        to: state,
        allowed,
      });
    }
    this.state = state;
  }
}
ProjectSchema.setClass(Project);
