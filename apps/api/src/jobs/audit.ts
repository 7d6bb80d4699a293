import { SealingService } from '@agent-hive/audit';
import { TenantsService } from '@agent-hive/identity';
import { runAs, servicePrincipal } from '@agent-hive/kernel';
import type { Job } from './jobs.js';

/**
 * Seals what was committed, so that an entry is in the log a second after it, two seconds when the process that does it was killed
 * meanwhile. A batch of each tenant in turn until none is left, so that a busy tenant does not keep others waiting. Tenants that were
 * suspended or deleted are among those that this process has sealed: their last entries say so.
 */
export const sealRecord: Job = {
  name: 'seal',
  everySeconds: 0.5,
  graceSeconds: 1,
  async run({ get, orm, signal }) {
    const sealing = get(SealingService);
    const failures: unknown[] = [];
    let busy = [...new Set([...(await get(TenantsService).listActive()), ...sealing.tenants()])];
    while (busy.length > 0) {
      const full: string[] = [];
      for (const tenantId of busy) {
        if (signal.aborted) return;
        try {
          if ((await runAs(orm.em, servicePrincipal(tenantId, 'job:seal'), () => sealing.seal())).isFull) full.push(tenantId);
        } catch (error) {
          failures.push(error); // the log of one tenant may be refused; the others go on
        }
      }
      busy = full;
    }
    if (failures.length > 0) throw new AggregateError(failures, `The logs of ${failures.length} tenants were not sealed: ${failures.map((failure) => (failure as Error).message).join('; ')}`);
  },
};
