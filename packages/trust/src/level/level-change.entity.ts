import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { createdAt, id, jsonType, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What changes a level. */
export const CHANGE_KINDS = ['promotion', 'demotion', 'inactivity', 'incident', 'override', 'override_lifted', 'override_expired'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** One change of a level in force, with the evidence, the policy's version, and who or what decided. Only added: the application cannot change one. */
export const LevelChangeSchema = defineEntity({
  name: 'LevelChange',
  schema: 'trust',
  tableName: 'level_change',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    actionClass: p.text(),
    kind: p.text().$type<ChangeKind>(),
    /** In force before and after, 0 to 4. */
    fromLevel: p.smallint(),
    toLevel: p.smallint(),
    reason: p.text(),
    evidence: p.json<Record<string, unknown>>().columnType('jsonb'), // counts, window and metrics, or what was decided
    policyVersion: p.integer(),
    decidedByType: p.text(),
    decidedById: p.uuid().nullable(),
    decidedByName: p.text(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'level_change_agent_index', properties: ['tenantId', 'agent', 'id'] }],
  checks: [
    { name: 'level_change_kind_check', expression: oneOf('kind', CHANGE_KINDS) },
    { name: 'level_change_levels_check', expression: 'from_level between 0 and 4 and to_level between 0 and 4' },
    { name: 'level_change_evidence_check', expression: jsonType('evidence', 'object') },
    { name: 'level_change_policy_version_check', expression: 'policy_version >= 0' },
  ],
});

export class LevelChange extends LevelChangeSchema.class {}
LevelChangeSchema.setClass(LevelChange);
