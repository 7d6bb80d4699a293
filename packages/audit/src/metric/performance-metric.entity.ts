import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/**
 * One value that was measured: of what, when, and how much. Values are only added, and leave when they are rolled up into
 * metric_day, in the same statement. Partitioned by the month of the id, which is minted when the value arrives; `recordedAt` is
 * when it was measured, at most LATE_DAYS before and EARLY_SECONDS after that.
 */
export const PerformanceMetricSchema = defineEntity({
  name: 'PerformanceMetric',
  schema: 'audit',
  tableName: 'performance_metric',
  ...tenantSecurity,
  partitionBy: { type: 'range', expression: 'id', partitions: [{ name: 'audit.performance_metric_default', values: 'default' }] },
  properties: {
    tenantId: tenantId(),
    id: id(),
    entityType: p.text(),
    entityId: p.uuid(),
    recordedAt: moment(),
    metricName: p.text(),
    metricValue: p.double(),
    context: p.json<Record<string, unknown>>().columnType('jsonb').nullable(), // circumstances of the measurement, not interpreted by the hive
  },
  indexes: [
    { name: 'performance_metric_name_index', properties: ['tenantId', 'metricName', 'recordedAt'] },
    { name: 'performance_metric_entity_index', properties: ['tenantId', 'entityId', 'metricName', 'recordedAt'] },
  ],
  checks: [
    { name: 'performance_metric_entity_type_check', expression: 'length(entity_type) between 1 and 50' },
    { name: 'performance_metric_metric_name_check', expression: 'length(metric_name) between 1 and 100' },
    { name: 'performance_metric_metric_value_check', expression: 'metric_value between -1e100 and 1e100' },
    { name: 'performance_metric_context_check', expression: jsonType('context', 'object') },
  ],
});

export class PerformanceMetric extends PerformanceMetricSchema.class {}
PerformanceMetricSchema.setClass(PerformanceMetric);

/** How many days a value may have been under way. */
export const LATE_DAYS = 7;

/** How far the clock of who measures may be ahead. */
export const EARLY_SECONDS = 300;

/** How long values are kept one by one. */
export const RAW_DAYS = 30;
