import { PresenceService, SessionsService } from '@agent-hive/agents';
import type { Config } from '../config/config.js';
import { serverUrl } from '../config/database-settings.js';
import { checkConsistency, deliverEvents, forgetDeliveries, review, rollUpMetrics, sealRecord } from './audit.js';
import { sweepMail } from './communication.js';
import type { Job } from './jobs.js';
import { embedKnowledge } from './knowledge.js';
import { maintenance } from './maintenance.js';
import { applyRetention, renewEncryption } from './retention.js';
import { fireEventTriggers, fireSchedules, refreshEstimates, releaseStranded, reportWorkload, sweepTasks } from './tasks.js';
import { forEachTenant } from './tenants.js';
import { aggregateTrustMetrics, expireInteractions, sweepTrust } from './trust.js';
import { vacuum } from './vacuum.js';

/** Every background job. A domain's own is a call of its service. */
export const jobs = (config: Config): readonly Job[] => [
  maintenance, sealRecord, deliverEvents, forgetDeliveries, rollUpMetrics, review, checkConsistency, applyRetention, renewEncryption, presence(config), expireSessions, sweepTasks, expireInteractions, sweepTrust, aggregateTrustMetrics, fireSchedules,
  fireEventTriggers, reportWorkload, refreshEstimates, releaseStranded, sweepMail, embedKnowledge, ...(serverUrl(config) === null ? [vacuum] : []),
];

/** Marks silent agents as stale, at the latest a third of the allowed silence after it has passed. */
const presence = ({ HIVE_STALE_AFTER_SECONDS: staleAfterSeconds }: Config): Job => ({
  name: 'presence',
  everySeconds: Math.min(30, Math.ceil(staleAfterSeconds / 3)),
  run: (context) => forEachTenant(context, 'presence', () => context.get(PresenceService).sweep(staleAfterSeconds)),
});

/** Marks sessions whose time is over. Their writes are refused from that time on anyway; this ends them in lists and in the record. */
const expireSessions: Job = {
  name: 'sessions',
  everySeconds: 10,
  run: (context) => forEachTenant(context, 'sessions', () => context.get(SessionsService).sweep()),
};
