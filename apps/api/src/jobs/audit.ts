import { ConsistencyService, DispatchService, MetricsService, ReviewsService, SealingService } from '@agent-hive/audit';
import { TenantsService } from '@agent-hive/identity';
import { Metrics } from '../health/metrics.js';
import type { Job } from './jobs.js';
import { forEachTenant, forTenants, throwFailures } from './tenants.js';

/**
 * Seals what was committed, so that an entry is in the log a second after it, two seconds when the process that does it was killed
 * meanwhile. A batch of each tenant in turn until none is left, so that a busy tenant does not keep others waiting. Tenants that were
 * suspended or deleted are among those that this process has sealed: their last entries say so.
 */
export const sealRecord: Job = {
  name: 'seal',
  everySeconds: 0.5,
  graceSeconds: 1,
  async run(context) {
    const sealing = context.get(SealingService);
    const failures: unknown[] = [];
    let busy = [...new Set([...(await context.get(TenantsService).listActive()), ...sealing.tenants()])];
    while (busy.length > 0 && !context.signal.aborted) {
      const full: string[] = [];
      const round = forTenants(context, 'seal', busy, async (tenantId) => {
        if ((await sealing.seal()).isFull) full.push(tenantId);
      });
      await round.catch((error: unknown) => failures.push(error)); // the log of one tenant may be refused; the others go on
      busy = full;
    }
    throwFailures('seal', failures);
  },
};

/** Brings events to webhooks. What is in hand goes on between turns; that of a killed process is due again once its attempts must be over. */
export const deliverEvents: Job = {
  name: 'webhooks',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'webhooks', () => context.get(DispatchService).dispatch()),
};

/** Forgets deliveries that ended long ago. */
export const forgetDeliveries: Job = {
  name: 'webhook-log',
  everySeconds: 3600,
  run: (context) => forEachTenant(context, 'webhooks', () => context.get(DispatchService).forget()),
};

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

/** Looks for orphaned rows and counters that are off. What ran out of time is told by the log, and counts as nothing. */
export const checkConsistency: Job = {
  name: 'consistency',
  everySeconds: 3600,
  async run(context) {
    const counts = new Map<string, number>();
    await forEachTenant(context, 'consistency', async () => {
      const { checks } = await context.get(ConsistencyService).watch();
      for (const { name, violations } of checks) counts.set(name, (counts.get(name) ?? 0) + violations);
    });
    context.get(Metrics).setInconsistencies(counts);
  },
};
