import { defineEntity, p } from '@mikro-orm/postgresql';
import { jsonType, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What is left of the values of one metric of one thing on one day (UTC): their number, sum and ends, and a sketch that percentiles are read from. */
export const MetricDaySchema = defineEntity({
  name: 'MetricDay',
  schema: 'audit',
  tableName: 'metric_day',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    metricName: p.text().primary(),
    day: p.date().primary(),
    entityType: p.text().primary(),
    entityId: p.uuid().primary(),
    valueCount: p.bigint('number'),
    valueSum: p.double(),
    valueMin: p.double(),
    valueMax: p.double(),
    sketch: p.json<Record<string, number>>().columnType('jsonb'), // number of values by the key of their bin (sketch.ts)
  },
  indexes: [{ name: 'metric_day_entity_index', properties: ['tenantId', 'entityId', 'metricName', 'day'] }],
  checks: [
    { name: 'metric_day_value_count_check', expression: 'value_count > 0' },
    { name: 'metric_day_range_check', expression: 'value_min <= value_max' },
    { name: 'metric_day_sketch_check', expression: jsonType('sketch', 'object') },
  ],
});

export class MetricDay extends MetricDaySchema.class {}
MetricDaySchema.setClass(MetricDay);
