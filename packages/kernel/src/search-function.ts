/**
 * Statements, for a migration, that give a SQL function to hive_search: it then reads past row level security, through
 * indexes whose operators are not leakproof, so its body must state the tenant condition itself. Only hive_app may call
 * it. `signature` is the qualified name with argument types, such as `agents.capable(text[])`.
 */
export function ownedBySearch(schema: string, signature: string): string[] {
  return [
    `grant create on schema ${schema} to hive_search;`,
    `alter function ${signature} owner to hive_search;`,
    `revoke create on schema ${schema} from hive_search;`,
    `set local role hive_search;`,
    `revoke all on function ${signature} from public;`,
    `grant execute on function ${signature} to hive_app;`,
    `set local role hive_owner;`,
  ];
}
