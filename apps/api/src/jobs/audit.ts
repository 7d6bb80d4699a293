import { MetricsService, ReviewsService } from '@agent-hive/audit';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

/** Turns measured values that are older than a month into days. */
export const rollUpMetrics: Job = {
  name: 'metrics',
  everySeconds: 600,
  run: (context) => forEachTenant(context, 'metrics', () => context.get(MetricsService).rollUp(new Date(), context.signal)),
};

/** Looks at what agents did, by each tenant's rules, and at what came of earlier suggestions. */
export const review: Job = {
  name: 'review',
  everySeconds: 300,
  run: (context) => forEachTenant(context, 'review', () => context.get(ReviewsService).review()),
};
