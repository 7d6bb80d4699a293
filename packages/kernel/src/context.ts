import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager, SessionContext } from '@mikro-orm/postgresql';
import type { ControlledTransaction } from 'kysely';
import { requireUuid } from './uuid.js';

/** Who acts: a person, an agent, or a service (a key without either, the platform, a background job). */
export interface Actor {
  type: 'user' | 'agent' | 'service';
  id: string | null;
  /** How the record names the actor when there is no id, such as `platform` or `job:presence`. */
  name: string;
}

/** The authenticated caller. `scopes` are verbs on nouns (`agents:write`); `*` is every scope of the tenant. */
export interface Principal {
  tenantId: string;
  actor: Actor;
  scopes: readonly string[];
  role: string | null;
  keyId: string | null;
}

/** What the record says about the request that caused a change. */
export interface RequestFacts {
  requestId: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** One unit of work: the tenant it is bound to, who acts, and the entity manager that carries that tenant. */
export interface HiveContext extends RequestFacts {
  principal: Principal;
  /** What every transaction of this unit of work opens with. */
  session: SessionContext;
  em: EntityManager;
  /** The transaction that the whole unit of work runs in, when it was opened for all of it (an idempotent request). */
  transaction: ControlledTransaction<Record<string, never>> | null;
}

/** The database role that every tenant transaction assumes: no BYPASSRLS, DML only. */
export const APP_ROLE = 'hive_app';

const storage = new AsyncLocalStorage<HiveContext>();

/** The context of the running unit of work; undefined outside of one. */
export const currentContext = (): HiveContext | undefined => storage.getStore();

/** The context of the running unit of work; throws outside of one, since nothing may touch tenant data without it. */
export function requireContext(): HiveContext {
  const context = storage.getStore();
  if (!context) throw new Error('No tenant context: wrap the work in runAs(em, principal, work)');
  return context;
}

/** Tenant id of the running unit of work. */
export const currentTenantId = (): string => requireContext().principal.tenantId;

/**
 * A context whose entity manager opens every transaction as `hive_app` with the principal's tenant. `em` is the root
 * entity manager; the fork is lazy, since a request that only reads through SQL may never need an identity map.
 */
export function createContext(em: EntityManager, principal: Principal, facts?: RequestFacts): HiveContext {
  const tenantId = requireUuid(principal.tenantId, 'tenantId');
  const session: SessionContext = { role: APP_ROLE, variables: { 'app.tenant_id': tenantId } };
  let fork: EntityManager | undefined;
  return {
    requestId: facts?.requestId ?? null,
    ip: facts?.ip ?? null,
    userAgent: facts?.userAgent ?? null,
    principal,
    session,
    transaction: null,
    get em() {
      fork ??= em.fork({ session, disableContextResolution: true });
      if (this.transaction) fork.setTransactionContext(this.transaction);
      else if (fork.isInTransaction()) fork.resetTransactionContext();
      return fork;
    },
  };
}

/** Runs work inside a context; everything awaited from it sees the same one. */
export const runInContext = <T>(context: HiveContext, work: () => T): T => storage.run(context, work);

/** Runs work as a principal, in a fresh unit of work of its tenant. */
export const runAs = <T>(em: EntityManager, principal: Principal, work: () => T, facts?: RequestFacts): T =>
  storage.run(createContext(em, principal, facts), work);

/** A principal for the platform's own work in one tenant: background jobs, the demo, the first start. */
export const servicePrincipal = (tenantId: string, name: string): Principal => ({
  tenantId,
  actor: { type: 'service', id: null, name },
  scopes: ['*'],
  role: null,
  keyId: null,
});
