import type { DatabaseConnection } from 'kysely';

/** Receives one statement and how long its answer took. */
export type StatementLog = (statement: string, durationMs: number) => void;

/**
 * Tells every statement that goes over a connection, hand-written ones too, which the ORM's own log does not see. The
 * values of parameters stay out of it; those that MikroORM writes into its texts do not.
 */
export function logStatements(connection: DatabaseConnection, log: StatementLog): void {
  const execute = connection.executeQuery.bind(connection);
  connection.executeQuery = async (query, options) => {
    const started = performance.now();
    try {
      return await execute(query, options);
    } finally {
      log(query.sql, performance.now() - started);
    }
  };
}
