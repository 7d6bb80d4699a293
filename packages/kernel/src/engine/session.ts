import { AsyncLocalStorage } from 'node:async_hooks';
import type { SessionContext } from '@mikro-orm/core';
import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type TransactionSettings } from 'kysely';
import { requireUuid } from '../uuid.js';

/*
 * How a tenant reaches the database
 *
 *   em.transactional() -> Connection.begin({ sessionContext }) -> Kysely driver.beginTransaction()
 *                              |                                        ^
 *                              '--- pendingSession (async local) -------'
 *
 * The driver opens the transaction and sets role and tenant in one message, and on a server sends the first statement of
 * the work right behind it, so neither the transaction nor the tenant costs a round trip. Values are validated literals: SET takes no parameters, and set_config() is invisible to the workers
 * of a sharded cluster.
 */
const pendingSession = new AsyncLocalStorage<string[]>();

const ROLE = /^[a-z_][a-z0-9_]{0,62}$/;

/** The SET LOCAL statements of a session context; throws on anything but a plain role name and `app.tenant_id`. */
export function sessionStatements(session: SessionContext): string[] {
  const statements: string[] = [];
  if (session.role !== undefined) {
    if (!ROLE.test(session.role)) throw new Error(`Not a role name: ${session.role}`);
    statements.push(`set local role ${session.role}`);
  }
  for (const [name, value] of Object.entries(session.variables ?? {})) {
    if (name !== 'app.tenant_id') throw new Error(`Only app.tenant_id is a session variable of the hive, not ${name}`);
    statements.push(`set local app.tenant_id = '${requireUuid(String(value), 'tenantId')}'`);
  }
  return statements;
}

/** Runs `begin` so that the transaction it opens starts with the session's statements. */
export const beginWithSession = <T>(session: SessionContext, begin: () => Promise<T>): Promise<T> =>
  pendingSession.run(sessionStatements(session), begin);

export interface SessionDialectOptions {
  /**
   * Whether one message may hold several statements and the next may be sent before its answer came (pg's pipeline
   * mode). PGlite takes one statement at a time.
   */
  pipelined: boolean;
}

/** The dialect itself, with transactions that open with the pending session. */
export function withSession<T extends Dialect>(dialect: T, options: SessionDialectOptions): T {
  const createDriver = dialect.createDriver.bind(dialect);
  dialect.createDriver = () => new SessionDriver(createDriver(), options);
  return dialect;
}

class SessionDriver implements Driver {
  /** How the transaction on a connection began: a failure that nobody waited for is told at its commit. */
  readonly #begun = new WeakMap<DatabaseConnection, Promise<unknown>>();
  constructor(
    private readonly driver: Driver,
    private readonly options: SessionDialectOptions,
  ) {}

  init = (...args: Parameters<Driver['init']>) => this.driver.init(...args);
  destroy = (...args: Parameters<Driver['destroy']>) => this.driver.destroy(...args);
  acquireConnection = (...args: Parameters<Driver['acquireConnection']>) => this.driver.acquireConnection(...args);
  savepoint = (...args: Parameters<NonNullable<Driver['savepoint']>>) => this.driver.savepoint!(...args);
  rollbackToSavepoint = (...args: Parameters<NonNullable<Driver['rollbackToSavepoint']>>) => this.driver.rollbackToSavepoint!(...args);
  releaseSavepoint = (...args: Parameters<NonNullable<Driver['releaseSavepoint']>>) => this.driver.releaseSavepoint!(...args);

  async releaseConnection(...args: Parameters<Driver['releaseConnection']>): Promise<void> {
    this.#begun.delete(args[0]);
    await this.driver.releaseConnection(...args);
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const statements = pendingSession.getStore() ?? [];
    if (this.options.pipelined && !settings.isolationLevel && !settings.accessMode) {
      // Not awaited: the first statement of the work follows at once.
      this.remember(connection, connection.executeQuery(CompiledQuery.raw(['begin', ...statements].join('; '))));
      return;
    }
    await this.driver.beginTransaction(connection, settings);
    const bound = statements.reduce<Promise<unknown>>((before, statement) => before.then(() => connection.executeQuery(CompiledQuery.raw(statement))), Promise.resolve());
    this.remember(connection, bound);
    await bound.catch(() => undefined); // told at the commit, see remember()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const committed = this.driver.commitTransaction(connection);
    await Promise.all([this.#begun.get(connection), committed]);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await this.driver.rollbackTransaction(connection);
    } catch {
      // The connection is lost, and the driver has marked it so. A throw would keep Kysely from giving it back to the pool,
      // which would then be one smaller for good; whoever asked for the rollback has the failure that led to it.
    }
  }

  /**
   * Beginning never throws, since Kysely 0.29 neither ends nor releases a transaction that failed to begin. It need not:
   * should a SET fail, the transaction that BEGIN opened is aborted, whatever follows fails, and nothing runs outside the
   * tenant.
   */
  private remember(connection: DatabaseConnection, begun: Promise<unknown>): void {
    this.#begun.set(connection, begun);
    begun.catch(() => undefined); // told at the commit, which waits for it
  }
}
