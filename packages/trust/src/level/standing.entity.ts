import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { jsonType, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';
import type { Judgement } from './evaluation.js';

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "trust"."standing" ${rest}` });

/**
 * How far an agent is trusted in one action class, and the judged decisions that this rests on; `*` stands for every class and only
 * carries an override. Each change of the level is a row of trust.level_change. The gates of decisions, tools and claims read it here
 * (gate.sql.ts); written under its own lock by standing.sql.ts.
 */
export const StandingSchema = defineEntity({
  name: 'Standing',
  schema: 'trust',
  tableName: 'standing',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    actionClass: p.text().primary(),
    /** Earned, 0 to 4. */
    level: p.smallint(),
    overrideLevel: p.smallint().nullable(),
    overrideExpiresAt: moment().nullable(),
    overrideId: p.uuid().nullable(),
    judgements: p.json<Judgement[]>().columnType('jsonb'), // the last judged decisions, oldest first: [verdict, confidence, wasAutonomous]
    judgedSinceChange: p.integer(),
    judgedCount: p.integer(),
    approvedCount: p.integer(),
    changedAt: moment(),
    activeAt: moment(),
  },
  indexes: [
    INDEX('standing_override_index', `("tenant_id", "override_expires_at") where override_expires_at is not null`),
    INDEX('standing_activity_index', `("tenant_id", "active_at") where level > 0`),
  ],
  checks: [
    { name: 'standing_action_class_check', expression: 'length(action_class) between 1 and 100' },
    { name: 'standing_level_check', expression: 'level between 0 and 4' },
    { name: 'standing_any_class_check', expression: `action_class <> '*' or level = 0` },
    { name: 'standing_override_level_check', expression: 'override_level between 0 and 4' },
    { name: 'standing_override_check', expression: '(override_level is null) = (override_expires_at is null) and (override_level is null) = (override_id is null)' },
    { name: 'standing_judgements_check', expression: jsonType('judgements', 'array') },
    { name: 'standing_counts_check', expression: 'judged_since_change >= 0 and judged_count >= approved_count and approved_count >= 0' },
  ],
});

export class Standing extends StandingSchema.class {}
StandingSchema.setClass(Standing);
