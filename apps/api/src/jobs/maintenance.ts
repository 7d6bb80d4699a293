import { forgetExpiredAnswers } from '@agent-hive/kernel';
import { partitionedTables } from '../health/months.js';
import type { Job } from './jobs.js';
import { forEachTenant } from './tenants.js';

const MONTHS_AHEAD = 3;
const HOUR_SECONDS = 3600;

/** Keeps months ahead of every partitioned table, and forgets stored answers that nobody may ask for any more. */
export const maintenance: Job = {
  name: 'maintenance',
  everySeconds: HOUR_SECONDS,
  async run(context) {
    const { database, orm } = context;
    for (const table of await partitionedTables(database, orm)) {
      await database.execute(orm, `select kernel.ensure_months('${table}', now(), ${MONTHS_AHEAD})`);
    }
    await forEachTenant(context, 'maintenance', () => forgetExpiredAnswers(orm.em, new Date()));
  },
};
