import { sql, type RawBuilder } from 'kysely';

const CLASSES = [1, 10, 100, 1000] as const;

/**
 * LIMIT for the rows of a json_to_recordset(), as a literal. PostgreSQL takes such a function for 100 rows and a parameter
 * for anything, and would rather read a table from end to end than look up a hundred keys that it expects. A literal tells it
 * what to expect, and a few classes of size keep the number of statements, and of their plans, small.
 */
export const atMost = (rows: number): RawBuilder<unknown> => sql.raw(`limit ${CLASSES.find((size) => rows <= size) ?? 10_000}`);

/**
 * Says once more, to an index, what a join on a key says already. A join of few rows may be planned as a walk over all of the
 * tenant's index entries while the table is small, and the cached plan goes on so as it grows; a list of keys is looked up.
 */
export const isAmong = (column: RawBuilder<unknown>, keys: RawBuilder<unknown>): RawBuilder<unknown> => sql`${column} = any (${keys})`;
