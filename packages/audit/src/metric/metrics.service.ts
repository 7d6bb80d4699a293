import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Invalid, newId, tenantRead, tenantStatement, type FieldError } from '@agent-hive/kernel';
import { MetricBucketDto, type Bucket, type MetricQuery, type MetricSeriesDto, type MetricsRecordedDto, type RecordMetricsDto } from './metric.dto.js';
import { insertMetrics, rollUp, selectBuckets } from './metric.sql.js';
import { EARLY_SECONDS, LATE_DAYS, RAW_DAYS } from './performance-metric.entity.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EARLY_MS = EARLY_SECONDS * 1000;

/** Most buckets of one answer. */
const BUCKETS_MAX = 1000;

/** Values that leave for their days in one transaction. */
const BATCH = 20_000;

/** Width of a bucket, how far back it reaches by default, and how far after the epoch the first one begins: that was a Thursday. */
const WIDTHS: Readonly<Record<Bucket, { ms: number; reachMs: number; shiftMs: number }>> = {
  hour: { ms: HOUR_MS, reachMs: DAY_MS, shiftMs: 0 },
  day: { ms: DAY_MS, reachMs: 30 * DAY_MS, shiftMs: 0 },
  week: { ms: 7 * DAY_MS, reachMs: 26 * 7 * DAY_MS, shiftMs: 4 * DAY_MS },
};

/** What is measured, and what became of it over time. */
@Injectable()
export class MetricsService {
  constructor(private readonly em: EntityManager) {}

  /** Records values: all or none. Throws Invalid, naming each that is too old or ahead of time. */
  async record({ items }: RecordMetricsDto, now = new Date()): Promise<MetricsRecordedDto> {
    const [oldest, newest] = [new Date(now.getTime() - LATE_DAYS * DAY_MS), new Date(now.getTime() + EARLY_MS)];
    const errors: FieldError[] = items.flatMap(({ recordedAt }, i) =>
      recordedAt === undefined || (new Date(recordedAt) >= oldest && new Date(recordedAt) <= newest)
        ? []
        : [{ pointer: `/items/${i}/recordedAt`, message: `must lie between ${oldest.toISOString()} and ${newest.toISOString()}` }],
    );
    if (errors.length > 0) throw new Invalid(`A value is recorded at most ${LATE_DAYS} days after it was measured`, errors);
    const metrics = items.map(({ recordedAt, context, ...item }) => ({ ...item, id: newId(), recordedAt: recordedAt === undefined ? now : new Date(recordedAt), ...(context && { context }) }));
    await tenantStatement(this.em, (db) => insertMetrics(db, metrics));
    return { count: items.length };
  }

  /** A metric by bucket, oldest first. Throws Invalid on a range that is empty, too long, or has hours that are no longer kept. */
  async get(query: MetricQuery, now = new Date()): Promise<MetricSeriesDto> {
    const { name, subjectType, subjectId, bucket } = query;
    const { from, to } = rangeOf(query, now);
    const rows = await tenantRead(this.em, (db) => selectBuckets(db, { name, subjectType, subjectId, from, to }, bucket));
    return { name, subjectType: subjectType ?? null, subjectId: subjectId ?? null, bucket, from: from.toISOString(), to: to.toISOString(), items: rows.map((row) => MetricBucketDto.of(row)) };
  }

  /** Turns the running tenant's values that are older than RAW_DAYS into days; returns how many. Stops between two batches at the signal. Safe to run twice. */
  async rollUp(now = new Date(), signal?: AbortSignal): Promise<number> {
    // A value may have been ahead by EARLY_SECONDS when it arrived: so long, hours are whole that get() answers for.
    const before = new Date(now.getTime() - RAW_DAYS * DAY_MS - EARLY_MS);
    for (let rolled = 0; ; ) {
      const count = await tenantStatement(this.em, (db) => rollUp(db, before, BATCH, now));
      rolled += count;
      if (count < BATCH || signal?.aborted) return rolled;
    }
  }
}

/** The range of a query in whole buckets. Nothing is measured before the epoch or much later than now, so it ends there. */
function rangeOf(query: MetricQuery, now: Date): { from: Date; to: Date } {
  const { ms, reachMs, shiftMs } = WIDTHS[query.bucket];
  const bounded = (at: number) => Math.min(Math.max(at, 0), now.getTime() + 7 * DAY_MS);
  const asked = query.to === undefined ? now.getTime() : Date.parse(query.to);
  const since = query.from === undefined ? asked - reachMs : Date.parse(query.from);
  if (since >= asked) throw new Invalid('from must lie before to', [{ pointer: '/from', message: 'must lie before `to`' }]);
  const floor = (at: number) => Math.floor((at - shiftMs) / ms) * ms + shiftMs;
  const [from, to] = [floor(bounded(since)), floor(bounded(asked) - 1) + ms];
  const buckets = (to - from) / ms;
  if (buckets > BUCKETS_MAX) throw new Invalid(`${buckets} buckets are too many`, [{ pointer: '/from', message: `must be at most ${BUCKETS_MAX} buckets before \`to\`, or the bucket wider` }]);
  const kept = now.getTime() - RAW_DAYS * DAY_MS;
  if (query.bucket === 'hour' && from < kept) {
    throw new Invalid(`Hours are kept for ${RAW_DAYS} days`, [{ pointer: '/from', message: `must be ${new Date(kept + ms).toISOString()} or later, or the bucket a day or a week` }]);
  }
  return { from: new Date(from), to: new Date(to) };
}
