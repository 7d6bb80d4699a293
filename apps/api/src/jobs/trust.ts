import { AnswersService } from '@agent-hive/trust';
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
