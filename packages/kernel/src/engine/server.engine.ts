import { AbstractSqlDriver, PostgreSqlConnection, PostgreSqlPlatform, type Configuration } from '@mikro-orm/postgresql';
import type { PostgresDialect } from 'kysely';
import pg, { type PoolConfig, type QueryConfig } from 'pg';
import { beginWithSession, withSession } from './session.js';

type BeginOptions = NonNullable<Parameters<PostgreSqlConnection['begin']>[0]>;

class ServerConnection extends PostgreSqlConnection {
  override createKyselyDialect(overrides: PoolConfig): PostgresDialect {
    return withSession(super.createKyselyDialect(overrides), { pipelined: true });
  }

  override begin(options: BeginOptions = {}) {
    const { sessionContext, ...rest } = options;
    return sessionContext && !options.ctx ? beginWithSession(sessionContext, () => super.begin(rest)) : super.begin(options);
  }
}

/** MikroORM driver of a PostgreSQL server, with transactions that open with role and tenant in one message. */
export class ServerDriver extends AbstractSqlDriver<ServerConnection, PostgreSqlPlatform> {
  constructor(config: Configuration) {
    super(config, new PostgreSqlPlatform(), ServerConnection, ['kysely', 'pg']);
  }
}

/** Texts beyond this many stay unnamed: a statement built from data must not fill the server's memory with plans. */
const NAMED_STATEMENTS_MAX = 1_000;
const names = new Map<string, string>();

function statementName(text: string): string | undefined {
  const known = names.get(text);
  if (known || names.size >= NAMED_STATEMENTS_MAX) return known;
  const name = `hive_${names.size}`;
  names.set(text, name);
  return name;
}

/**
 * A client that names every statement with parameters, so that the server parses and plans it once per connection.
 * Only hand-written SQL has parameters: MikroORM writes its values into the text. What one turn of the event loop sends
 * (begin with the statement behind it, a statement with its commit) goes to the socket in one write.
 */
export class PreparingClient extends pg.Client {
  #corked = false;

  // The overloads of pg's query() cannot be restated without repeating its types; the arguments pass through unread but one.
  override query(...args: unknown[]): never {
    this.#cork();
    const [text, values] = args;
    if (typeof text === 'string' && Array.isArray(values) && values.length > 0) {
      const config: QueryConfig = { text, values };
      const name = statementName(text);
      if (name) config.name = name;
      return (super.query as (...a: unknown[]) => never)(config, ...args.slice(2));
    }
    return (super.query as (...a: unknown[]) => never)(...args);
  }

  /** Microtasks run before the next tick, so whatever they send is still held back. */
  #cork(): void {
    if (this.#corked) return;
    const { stream } = this.connection;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}
