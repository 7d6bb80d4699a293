import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';

/** A connection that sends nothing: it keeps what it was to send. */
function recorder() {
  const sent = [];
  const connection = {
    executeQuery: async ({ sql, parameters }) => {
      sent.push({ text: sql, values: parameters });
      return { rows: [] };
    },
  };
  const driver = {
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  };
  const db = new Kysely({ dialect: { createDriver: () => driver, createAdapter: () => new PostgresAdapter(), createQueryCompiler: () => new PostgresQueryCompiler(), createIntrospector: (of) => new PostgresIntrospector(of) } });
  return { db, sent };
}

/**
 * The one statement that `send(db)` sends, for pg: called with values, it gives a named query. What changes from call to
 * call is found among the parameters by `isOf`, a predicate for each name; all else stays as it was recorded.
 */
export async function statementOf(name, send, isOf) {
  const { db, sent } = recorder();
  await send(db);
  if (sent.length !== 1) throw new Error(`${name} sends ${sent.length} statements, not one`);
  const [{ text, values }] = sent;
  const places = values.map((value) => Object.keys(isOf).find((key) => isOf[key](value)));
  for (const key of Object.keys(isOf)) if (!places.includes(key)) throw new Error(`${name} has no parameter ${key}`);
  return (given) => ({ name, text, values: values.map((value, i) => (places[i] ? given[places[i]] : value)) });
}
