import { AsyncLocalStorage } from 'node:async_hooks';
import type { SessionContext } from '@mikro-orm/core';
import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult, type TransactionSettings } from 'kysely';
import { requireUuid } from '../uuid.js';

/*
 * How a tenant reaches the database
 *
 *   em.transactional() -> Connection.begin({ sessionContext }) -> Kysely driver.beginTransaction()
 *                              |                                        ^
 *                              '--- pendingSession (async local) -------'
 *
 * The driver opens the transaction and sets role and tenant in one message, and on a server sends the first statement of
 * the work right behind it, so neither the transaction nor the tenant costs a round trip. Nor does COMMIT, where the work
 * says which statement is its last. Values are validated literals: SET takes no parameters, and set_config() is invisible
 * to the workers of a sharded cluster.
 */
const pendingSession = new AsyncLocalStorage<string[]>();
const lastStatement = new AsyncLocalStorage<true>();

/**
 * How a tenant's transaction is planned (docs/adr/0014). Plans are cached, and one that was made while its tables were small
 * may read them from end to end, or an index from the tenant's first entry, and go on so while they grow. Every statement
 * names what it looks for, so none has a reason to: scans are out, and a row that is read in vain costs more than a look-up.
 * JIT goes with it: it takes the price of a scan without alternative for real.
 */
export const PLANNER: readonly string[] = ['enable_seqscan = off', 'cpu_tuple_cost = 0.1', 'jit = off'];

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

/**
 * Runs work that sends one statement, the last of its transaction: COMMIT goes out right behind it. A statement that fails
 * has aborted the transaction by then, and its COMMIT is a rollback. A second statement throws.
 */
export const withCommit = <T>(work: () => Promise<T>): Promise<T> => lastStatement.run(true, work);

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
  /** Connections whose transaction has had its last statement. */
  readonly #last = new WeakSet<DatabaseConnection>();
  /** How the COMMIT right behind that statement went. */
  readonly #ended = new WeakMap<DatabaseConnection, Promise<unknown>>();
  readonly #known = new WeakSet<DatabaseConnection>();
  /** Connections that are asked for. */
  readonly #acquiring = new Set<Promise<DatabaseConnection>>();
  constructor(
    private readonly driver: Driver,
    private readonly options: SessionDialectOptions,
  ) {}

  init = (...args: Parameters<Driver['init']>) => this.driver.init(...args);
  savepoint = (...args: Parameters<NonNullable<Driver['savepoint']>>) => this.driver.savepoint!(...args);
  rollbackToSavepoint = (...args: Parameters<NonNullable<Driver['rollbackToSavepoint']>>) => this.driver.rollbackToSavepoint!(...args);
  releaseSavepoint = (...args: Parameters<NonNullable<Driver['releaseSavepoint']>>) => this.driver.releaseSavepoint!(...args);

  async acquireConnection(...args: Parameters<Driver['acquireConnection']>): Promise<DatabaseConnection> {
    const acquiring = this.driver.acquireConnection(...args);
    this.#acquiring.add(acquiring);
    try {
      const connection = await acquiring;
      if (!this.#known.has(connection)) this.#endByLastStatement(connection);
      return connection;
    } finally {
      this.#acquiring.delete(acquiring);
    }
  }

  /** Who asked before still gets its connection: Kysely 0.29 loses one that opens while it destroys, and the pool's end waits for it for good. */
  async destroy(...args: Parameters<Driver['destroy']>): Promise<void> {
    await Promise.allSettled(this.#acquiring);
    await this.driver.destroy(...args);
  }

  async releaseConnection(...args: Parameters<Driver['releaseConnection']>): Promise<void> {
    for (const known of [this.#begun, this.#last, this.#ended]) known.delete(args[0]);
    await this.driver.releaseConnection(...args);
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const statements = pendingSession.getStore() ?? [];
    if (this.options.pipelined && !settings.isolationLevel && !settings.accessMode) {
      // Not awaited: the first statement of the work follows at once.
      this.#begun.set(connection, toldAtCommit(connection.executeQuery(CompiledQuery.raw(['begin', ...statements, ...PLANNER.map((setting) => `set local ${setting}`)].join('; ')))));
      return;
    }
    await this.driver.beginTransaction(connection, settings);
    const bound = statements.reduce<Promise<unknown>>((before, statement) => before.then(() => connection.executeQuery(CompiledQuery.raw(statement))), Promise.resolve());
    this.#begun.set(connection, toldAtCommit(bound));
    await bound.catch(() => undefined); // told at the commit
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const committed = this.#ended.get(connection) ?? this.driver.commitTransaction(connection);
    await Promise.all([this.#begun.get(connection), committed]);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await (this.#ended.get(connection) ?? this.driver.rollbackTransaction(connection));
    } catch {
      // The connection is lost, and the driver has marked it so. A throw would keep Kysely from giving it back to the pool,
      // which would then be one smaller for good; whoever asked for the rollback has the failure that led to it.
    }
  }

  #endByLastStatement(connection: DatabaseConnection): void {
    this.#known.add(connection);
    const execute = connection.executeQuery.bind(connection);
    connection.executeQuery = <R>(query: CompiledQuery, options?: Parameters<typeof execute>[1]): Promise<QueryResult<R>> => {
      if (this.#last.has(connection)) throw new Error(`The transaction ended with the statement before this one: ${query.sql}`);
      const answer = execute<R>(query, options);
      if (lastStatement.getStore()) {
        this.#last.add(connection);
        if (this.options.pipelined) this.#ended.set(connection, toldAtCommit(execute(CompiledQuery.raw('commit'))));
      }
      return answer;
    };
  }
}

/**
 * Beginning never throws, since Kysely 0.29 neither ends nor releases a transaction that failed to begin. It need not:
 * should a SET fail, the transaction that BEGIN opened is aborted, whatever follows fails, and nothing runs outside the
 * tenant. The commit waits for what was begun and for what was ended before it was asked, and tells of their failures.
 */
function toldAtCommit(sent: Promise<unknown>): Promise<unknown> {
  sent.catch(() => undefined); // told at the commit
  return sent;
}
