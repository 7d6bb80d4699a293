import { defineEntity, p } from '@mikro-orm/postgresql';
import { moment, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Agent } from '../agent/agent.entity.js';

/** How much an agent has to do and how its work came out, over a window. Written by whoever owns the work, at most 5 s late. */
export const WorkloadSchema = defineEntity({
  name: 'Workload',
  schema: 'agents',
  tableName: 'workload',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('cascade').updateRule('no action').ref(),
    openCount: p.integer(),
    succeededCount: p.integer(),
    failedCount: p.integer(),
    meanDurationMs: p.double().nullable(),
    p95DurationMs: p.double().name('p95_duration_ms').nullable(),
    windowSeconds: p.integer(),
    measuredAt: moment(),
  },
  checks: [
    { name: 'workload_counts_check', expression: 'open_count >= 0 and succeeded_count >= 0 and failed_count >= 0' },
    { name: 'workload_durations_check', expression: 'mean_duration_ms >= 0 and p95_duration_ms >= 0' },
    { name: 'workload_window_seconds_check', expression: 'window_seconds > 0' },
  ],
});

export class Workload extends WorkloadSchema.class {}
WorkloadSchema.setClass(Workload);
