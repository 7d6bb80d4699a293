import { DataKeysService, RetentionRunsService } from '@agent-hive/audit';
import { Refused } from '@agent-hive/kernel';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

const DAY_SECONDS = 86_400;

/**
 * Applies the retention policies of each tenant once a day, and within a day of a start. A run that fails is a row that says why; the next
 * one goes on from there. A killed process's turn comes with the next start, or a day later.
 */
export const applyRetention: Job = {
  name: 'retention',
  everySeconds: DAY_SECONDS,
  run: (context) => forEachTenant(context, 'retention', () => context.get(RetentionRunsService).create({ dryRun: false, signal: context.signal }).catch(alreadyRunning)),
};

/** Somebody's own run is at work and does the same: that is no failure. */
function alreadyRunning(error: unknown): void {
  if (!(error instanceof Refused && error.code === 'retention-running')) throw error;
}

/** Encrypts anew what retired data keys did, and ends those keys. Nothing to do is one look-up a tenant. */
export const renewEncryption: Job = {
  name: 'encryption',
  everySeconds: 30,
  run: (context) => forEachTenant(context, 'encryption', () => context.get(DataKeysService).work(context.signal)),
};
