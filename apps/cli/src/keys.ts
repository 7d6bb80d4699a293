import { withClient } from './client.js';
import { OK, table, type Context } from './context.js';

interface CreateOptions {
  scopes: string;
  role?: string;
  agent?: string;
  expiresAt?: string;
  json?: boolean;
}

interface Key {
  id: string;
  name: string;
  scopes: string[];
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
}

/** `hive keys create`: the key goes to standard output alone, so that a script can take it. */
export const create = (context: Context, name: string, { scopes, role, agent, expiresAt, json }: Partial<CreateOptions>): Promise<number> =>
  withClient(context, async (client) => {
    const input = { name, scopes: scopes!.split(',').map((s) => s.trim()), role, agentId: agent, expiresAt };
    const made = await client.request<Key & { key: string }>('POST', '/v1/api-keys', input);
    if (!json) context.io.err(`Key ${made.id} (${made.name}), shown only this once:`);
    context.io.out(json ? JSON.stringify(made, null, 2) : made.key);
    return OK;
  });

/** `hive keys list`: every key of the tenant, page by page. */
export const list = (context: Context, { json }: { json?: boolean }): Promise<number> =>
  withClient(context, async (client) => {
    const keys: Key[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: Key[]; nextCursor: string | null } = await client.request('GET', `/v1/api-keys?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      keys.push(...page.items);
      cursor = page.nextCursor;
    }
    const rows = keys.map((k) => [k.id, k.name, k.scopes.join(','), k.createdAt, k.revokedAt ? `revoked ${k.revokedAt}` : k.expiresAt ? `until ${k.expiresAt}` : 'open']);
    for (const line of json ? [JSON.stringify(keys, null, 2)] : table(['id', 'name', 'scopes', 'created', 'state'], rows)) context.io.out(line);
    return OK;
  });

/** `hive keys revoke`: at once. */
export const revoke = (context: Context, id: string, { json }: { json?: boolean }): Promise<number> =>
  withClient(context, async (client) => {
    await client.request('DELETE', `/v1/api-keys/${encodeURIComponent(id)}`);
    context.io.out(json ? JSON.stringify({ id, revoked: true }) : `Key ${id} is revoked`);
    return OK;
  });
