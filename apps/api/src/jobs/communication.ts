import { MailSweepService } from '@agent-hive/communication';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

/** Writes what time has done to mail, and tells senders of dead letters. It counts before it is written, so nobody gets mail that is too old meanwhile. */
export const sweepMail: Job = {
  name: 'mail',
  everySeconds: 1,
  graceSeconds: 2,
  run: (context) => forEachTenant(context, 'mail', () => context.get(MailSweepService).sweep()),
};
