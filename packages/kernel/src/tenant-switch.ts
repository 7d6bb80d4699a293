import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { createContext, requireContext, runAs, runInContext, type Principal } from './context.js';
import { runningTransaction } from './transaction.js';
import { requireUuid } from './uuid.js';

/**
 * Runs work of the platform in another tenant. Inside a running transaction it stays in that one, so that what is done for
 * the tenant commits with the request that asked for it; the tenant is set back after. The only place where a transaction
 * sees two tenants: creating, suspending and deleting a tenant.
 */
export async function inTenant<T>(em: EntityManager, principal: Principal, work: () => Promise<T>): Promise<T> {
  const outer = requireContext();
  const { requestId, ip, userAgent } = outer;
  const transaction = runningTransaction(em);
  if (!transaction) return runAs(em, principal, work, { requestId, ip, userAgent });
  const bind = (tenantId: string) => sql.raw(`set local app.tenant_id = '${requireUuid(tenantId, 'tenantId')}'`).execute(transaction);
  const inner = createContext(em, principal, { requestId, ip, userAgent });
  inner.transaction = outer.transaction;
  await bind(principal.tenantId);
  const result = await runInContext(inner, work);
  await bind(outer.principal.tenantId);
  return result;
}
