import { TransactionContext, TransactionPropagation, type EntityManager } from '@mikro-orm/postgresql';
import type { ControlledTransaction, Kysely } from 'kysely';
import { withAfterCommit } from './commit.js';
import { currentContext, requireContext } from './context.js';
import { withCommit } from './engine/session.js';

/** Tables are named in the SQL itself; hand-written statements state the shape of their own rows. */
export type Sql = Kysely<Record<string, never>>;

/** Runs work in the running transaction of the unit of work, or in one of its own when there is none. */
export const transactional = <T>(em: EntityManager, work: (em: EntityManager) => Promise<T>): Promise<T> =>
  withAfterCommit(() => em.transactional((tx) => work(tx), { propagation: TransactionPropagation.REQUIRED }));

/**
 * Runs hand-written SQL bound to the tenant: inside the running transaction when there is one, so that it sees and joins
 * its writes, else in a short one without an identity map, which costs a third of em.transactional().
 */
export async function tenantSql<T>(em: EntityManager, work: (sql: Sql) => Promise<T>): Promise<T> {
  const running = runningTransaction(em);
  if (running) return work(running);
  return withAfterCommit(() => em.getConnection('write').transactional((tx) => work(tx as unknown as Sql), { sessionContext: requireContext().session }));
}

/**
 * Like tenantSql, for work of one statement, which on a server costs one round trip with begin and commit. A second
 * statement throws. What is thrown after the statement no longer undoes it, unless a transaction was running before.
 */
export async function tenantStatement<T>(em: EntityManager, work: (sql: Sql) => Promise<T>): Promise<T> {
  const running = runningTransaction(em);
  if (running) return work(running);
  return inTransaction(em, (tx) => withCommit(() => work(tx as unknown as Sql)));
}

/**
 * Like tenantSql, for work that only reads: the answer does not wait for the end of the transaction, since there is
 * nothing to lose. Should that end fail, the connection is broken, and the next one who uses it learns of it.
 */
export async function tenantRead<T>(em: EntityManager, work: (sql: Sql) => Promise<T>): Promise<T> {
  const running = runningTransaction(em);
  if (running) return work(running);
  const connection = em.getConnection('write');
  const tx = await connection.begin({ sessionContext: requireContext().session });
  try {
    return await work(tx as unknown as Sql);
  } finally {
    connection.rollback(tx).catch((error: unknown) => em.config.getLogger().warn('query', `The end of a read failed: ${String(error)}`));
  }
}

/**
 * Opens one transaction for all of the running unit of work: SQL, the identity map, and whatever else asks for a
 * transaction meanwhile join it. Costs a third of em.transactional(), which copies the identity map in and out. `end` runs
 * the transaction's last statement, after which nothing can be sent.
 */
export async function wholeTransaction<T>(em: EntityManager, work: (end: <R>(statement: (sql: Sql) => Promise<R>) => Promise<R>) => Promise<T>): Promise<T> {
  const context = requireContext();
  if (runningTransaction(em)) throw new Error('A transaction is open already: wholeTransaction() opens the outermost one');
  return inTransaction(em, async (tx) => {
    context.transaction = tx;
    try {
      return await work((statement) => withCommit(() => statement(tx as unknown as Sql)));
    } finally {
      context.transaction = null;
    }
  });
}

/**
 * Runs work in the running transaction, or in one of its own for all of the unit of work: whatever asks for a transaction
 * meanwhile joins it, hooks included, and what afterCommit() is told waits for its end.
 */
export const oneTransaction = <T>(em: EntityManager, work: () => Promise<T>): Promise<T> => (runningTransaction(em) ? work() : wholeTransaction(em, work));

const inTransaction = <T>(em: EntityManager, work: (tx: ControlledTransaction<Record<string, never>>) => Promise<T>): Promise<T> => withAfterCommit(() => beginAndCommit(em, work));

async function beginAndCommit<T>(em: EntityManager, work: (tx: ControlledTransaction<Record<string, never>>) => Promise<T>): Promise<T> {
  const connection = em.getConnection('write');
  const tx = (await connection.begin({ sessionContext: requireContext().session })) as ControlledTransaction<Record<string, never>>;
  try {
    const result = await work(tx);
    await connection.commit(tx);
    return result;
  } catch (error) {
    await connection.rollback(tx).catch((lost: unknown) => em.config.getLogger().warn('query', `Rollback failed: ${String(lost)}`));
    throw error;
  }
}

/** The transaction that the unit of work is in, if any. */
export const runningTransaction = (em: EntityManager): Sql | undefined => {
  const running = TransactionContext.getEntityManager(em.name) as EntityManager | undefined;
  return running?.getTransactionContext<Sql>() ?? (currentContext()?.transaction as Sql | null | undefined) ?? undefined;
};
