import { AnswersService, LevelsService, TrustMetricsService } from '@agent-hive/trust';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

/**
 * Marks interactions whose time is up, and lets go on what waited for them, within five seconds even when the process that
 * does it was killed. Whoever reads or writes one before that finds it expired all the same.
 */
export const expireInteractions: Job = {
  name: 'interactions',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'interactions', () => context.get(AnswersService).expire()),
};

/** Ends overrides whose time is over, which the gate does not honour from that moment anyway, and takes levels of agents that were not judged for long. */
export const sweepTrust: Job = {
  name: 'trust',
  everySeconds: 30,
  run: (context) => forEachTenant(context, 'trust', () => context.get(LevelsService).sweep()),
};

/** Makes means of days out of trust metrics that are older than 30 days. */
export const aggregateTrustMetrics: Job = {
  name: 'trust-metrics',
  everySeconds: 3600,
  run: (context) => forEachTenant(context, 'trust-metrics', () => context.get(TrustMetricsService).aggregate()),
};
