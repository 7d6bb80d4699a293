import { sql, type RawBuilder } from 'kysely';

const CLASSES = [1, 10, 100, 1000] as const;

/**
 * LIMIT for the rows of a json_to_recordset(), as a literal. PostgreSQL takes such a function for 100 rows and a parameter
 * for anything, and would rather read a table from end to end than look up a hundred keys that it expects. A literal tells it
 * what to expect, and a few classes of size keep the number of statements, and of their plans, small.
 */
export const atMost = (rows: number): RawBuilder<unknown> => sql.raw(`limit ${CLASSES.find((size) => rows <= size) ?? 10_000}`);
