import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent, Session } from '@agent-hive/agents';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** The greatest value of each measurement; all begin at 0. */
export const METRIC_RANGES = { accuracy: 100, autonomy: 100, reliability: 100, efficiency: 100, complexity: 10 } as const;
export type MetricType = keyof typeof METRIC_RANGES;
/** What is measured of an agent. */
export const METRIC_TYPES = Object.keys(METRIC_RANGES) as MetricType[];

const IN_RANGE = `metric_value >= 0 and metric_value <= case ${METRIC_TYPES.map((type) => `when metric_type = '${type}' then ${METRIC_RANGES[type]}`).join(' ')} end`;

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "trust"."trust_metric" ${rest}` });

/** One measurement of an agent, in a session; after 30 days, the mean of a day's, of all sessions. */
export const TrustMetricSchema = defineEntity({
  name: 'TrustMetric',
  schema: 'trust',
  tableName: 'trust_metric',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    /** Null in an aggregate of a day. */
    session: () => p.manyToOne(Session).joinColumns('tenant_id', 'session_id').ownColumns('session_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    actionClass: p.text(),
    metricType: p.text().$type<MetricType>(),
    metricValue: p.decimal('number').precision(5).scale(2),
    /** Measurements in it: 1, or those of a day. */
    samples: p.integer(),
    isDaily: p.boolean(),
    measurementContext: p.json<Record<string, unknown>>().columnType('jsonb').nullable(), // what it rests on: the decision, or the least and greatest of a day
    recordedAt: moment(),
  },
  indexes: [
    INDEX('trust_metric_agent_index', `("tenant_id", "agent_id", "recorded_at" desc, "id" desc)`),
    INDEX('trust_metric_type_index', `("tenant_id", "agent_id", "metric_type", "recorded_at" desc, "id" desc)`),
    INDEX('trust_metric_session_index', `("tenant_id", "session_id") where session_id is not null`),
    INDEX('trust_metric_raw_index', `("tenant_id", "recorded_at") where not is_daily`),
  ],
  uniques: [{ name: 'trust_metric_daily_unique', expression: 'create unique index "trust_metric_daily_unique" on "trust"."trust_metric" ("tenant_id", "agent_id", "action_class", "metric_type", "recorded_at") where is_daily' }],
  checks: [
    { name: 'trust_metric_metric_type_check', expression: oneOf('metric_type', METRIC_TYPES) },
    { name: 'trust_metric_metric_value_check', expression: IN_RANGE },
    { name: 'trust_metric_action_class_check', expression: 'length(action_class) between 1 and 100' },
    { name: 'trust_metric_samples_check', expression: 'samples >= 1 and (is_daily or samples = 1)' },
    { name: 'trust_metric_measurement_context_check', expression: jsonType('measurement_context', 'object') },
  ],
});

export class TrustMetric extends TrustMetricSchema.class {}
TrustMetricSchema.setClass(TrustMetric);
