import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** States of a run: `abandoned` is one whose process ended in it. */
export const RUN_STATES = ['running', 'completed', 'failed', 'abandoned'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** What a run found and did in one store. */
export interface StoreCounts {
  table: string;
  retentionClass: string;
  /** Rows whose ids are older were due (ISO-8601). */
  cutoff: string;
  /** Rows that are due and not held. */
  due: number;
  /** Rows that are due but for a legal hold. */
  held: number;
  archived: number;
  deleted: number;
  /** Months that were dropped, such as `message_202601`. */
  droppedMonths: string[];
}

/** One pass of retention over a tenant. While it runs its lease is extended with every batch, and at most one runs at a time. */
export const RetentionRunSchema = defineEntity({
  name: 'RetentionRun',
  schema: 'audit',
  tableName: 'retention_run',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    isDryRun: p.boolean(),
    state: p.text().$type<RunState>(),
    startedAt: moment(),
    finishedAt: moment().nullable(),
    leaseExpiresAt: moment(),
    stores: p.json<StoreCounts[]>().columnType('jsonb'), // StoreCounts
    expiredArchives: p.integer(),
    error: p.text().nullable(),
  },
  indexes: [{ name: 'retention_run_active_unique', expression: `create unique index "retention_run_active_unique" on "audit"."retention_run" ("tenant_id") where state = 'running' and not is_dry_run` }],
  checks: [
    { name: 'retention_run_state_check', expression: oneOf('state', RUN_STATES) },
    { name: 'retention_run_finished_at_check', expression: `(finished_at is null) = (state = 'running')` },
    { name: 'retention_run_error_check', expression: `(error is not null) = (state = 'failed' or state = 'abandoned')` },
    { name: 'retention_run_expired_archives_check', expression: 'expired_archives >= 0' },
    { name: 'retention_run_stores_check', expression: jsonType('stores', 'array') },
  ],
});

export class RetentionRun extends RetentionRunSchema.class {}
RetentionRunSchema.setClass(RetentionRun);
