import { TenantsService } from '@agent-hive/identity';
import { runAs, servicePrincipal } from '@agent-hive/kernel';
import type { JobContext } from './jobs.js';

/** Does a job's work for each active tenant in turn; stops between two when the process shuts down. Throws as forTenants() does. */
export const forEachTenant = async (context: JobContext, job: string, work: () => Promise<unknown>): Promise<void> =>
  forTenants(context, job, await context.get(TenantsService).listActive(), work);

/**
 * Does work for each of some tenants in turn, in a unit of work of its own, until the process shuts down. What fails for one keeps no other
 * from it; all failures are thrown at the end.
 */
export async function forTenants(context: JobContext, job: string, tenantIds: readonly string[], work: (tenantId: string) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const tenantId of tenantIds) {
    if (context.signal.aborted) break;
    try {
      await runAs(context.orm.em, servicePrincipal(tenantId, `job:${job}`), () => work(tenantId));
    } catch (error) {
      failures.push(error);
    }
  }
  throwFailures(job, failures);
}

/** Throws what failed in a turn of a job, if anything did: one failure as it is, several as one that names them. */
export function throwFailures(job: string, failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `Job ${job} failed ${failures.length} times: ${failures.map((failure) => (failure as Error).message).join('; ')}`);
}
