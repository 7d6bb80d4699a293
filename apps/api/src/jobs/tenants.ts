import { TenantsService } from '@agent-hive/identity';
import { runAs, servicePrincipal } from '@agent-hive/kernel';
import type { JobContext } from './jobs.js';

/** Does a job's work for each active tenant in turn, each in a unit of work of its own; stops between two when the process shuts down. */
export async function forEachTenant(context: JobContext, job: string, work: () => Promise<unknown>): Promise<void> {
  for (const tenantId of await context.get(TenantsService).listActive()) {
    if (context.signal.aborted) return;
    await runAs(context.orm.em, servicePrincipal(tenantId, `job:${job}`), work);
  }
}
