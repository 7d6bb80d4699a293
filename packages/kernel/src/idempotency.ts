import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import { currentTenantId } from './context.js';
import { Invalid, Refused } from './errors.js';
import { isLockTimeout } from './database-error.js';
import { tenantSql, wholeTransaction, type Sql } from './transaction.js';

/** What makes a request the same as an earlier one: who sent it, to where, under which key, with which body. */
export interface IdempotentRequest {
  principal: string;
  route: string;
  key: string;
  body: unknown;
}

/** An answer as it is stored: only 2xx ones are, so a failed request may be repeated under its key. */
export interface Answer {
  status: number;
  body: Record<string, unknown> | null;
}

const KEPT_MS = 24 * 3600 * 1000;
const KEY_MAX = 200;

/** Another request with the same key is still at work (409, with Retry-After). */
export class InFlight extends Refused {
  readonly retryAfterSeconds = 1;
  constructor(key: string) {
    super(`A request with Idempotency-Key ${key} is still at work: repeat this one after a second to get its answer`, 'idempotency-in-flight');
  }
}

/**
 * Does the work once per key, with its answer stored in the work's own transaction: after a crash there are both or
 * neither. A repeat with the same body gets the stored answer; with another body it is Invalid. A duplicate that arrives
 * while the first is at work waits up to 2 s for it, then is refused as InFlight. `shownOnce` names dotted paths of the
 * body (secrets) that are answered but stored as null.
 */
export async function idempotently(
  em: EntityManager,
  request: IdempotentRequest,
  shownOnce: readonly string[],
  work: () => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  if (request.key.length === 0 || request.key.length > KEY_MAX) throw new Invalid(`Idempotency-Key must have 1 to ${KEY_MAX} characters`);
  const hash = createHash('sha256').update(canonicalize(request.body ?? null) ?? '').digest('hex');
  return wholeTransaction(em, async (end) => {
    if (!(await claim(em, request, hash))) return replay(em, request, hash);
    const answer = await work();
    await end((db) => store(db, request, { status: answer.status, body: withoutSecrets(answer.body, shownOnce) }));
    return { ...answer, replayed: false };
  });
}

/** Served by the primary key. The insert waits for a duplicate in flight; the lock timeout, set by the same statement, ends the wait. */
async function claim(em: EntityManager, request: IdempotentRequest, hash: string): Promise<boolean> {
  const now = Date.now();
  try {
    return await tenantSql(em, async (db) => {
      const claimed = await sql<{ key: string }>`
        with patience as materialized (select set_config('lock_timeout', '2000', true))
        insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, created_at, expires_at)
        select ${currentTenantId()}::uuid, ${request.principal}::text, ${request.route}::text, ${request.key}::text, ${hash}::text,
               ${new Date(now)}::timestamptz, ${new Date(now + KEPT_MS)}::timestamptz
          from patience
        on conflict (tenant_id, principal, route, key) do update
           set request_hash = excluded.request_hash, created_at = excluded.created_at, expires_at = excluded.expires_at, status = null, response = null
         where idempotency_key.expires_at < excluded.created_at
        returning key`.execute(db);
      return claimed.rows.length === 1;
    });
  } catch (error) {
    if (isLockTimeout(error)) throw new InFlight(request.key);
    throw error;
  }
}

async function replay(em: EntityManager, request: IdempotentRequest, hash: string): Promise<Answer & { replayed: boolean }> {
  const stored = await tenantSql(em, (db) =>
    sql<{ request_hash: string; status: number | null; response: Record<string, unknown> | null }>`
      select request_hash, status, response from kernel.idempotency_key
       where tenant_id = ${currentTenantId()} and principal = ${request.principal} and route = ${request.route} and key = ${request.key}`.execute(db),
  );
  const row = stored.rows[0];
  if (!row || row.status === null) throw new InFlight(request.key);
  if (row.request_hash !== hash) {
    throw new Invalid(`Idempotency-Key ${request.key} was used with another body: use a new key for a new request`, [], 'idempotency-key-reused');
  }
  return { status: row.status, body: row.response, replayed: true };
}

async function store(db: Sql, request: IdempotentRequest, answer: Answer): Promise<void> {
  await sql`
    update kernel.idempotency_key set status = ${answer.status}, response = ${answer.body === null ? null : JSON.stringify(answer.body)}::json
     where tenant_id = ${currentTenantId()} and principal = ${request.principal} and route = ${request.route} and key = ${request.key}`.execute(db);
}

function withoutSecrets(body: Answer['body'], paths: readonly string[]): Answer['body'] {
  if (body === null || paths.length === 0) return body;
  const copy = structuredClone(body);
  for (const path of paths) {
    const names = path.split('.');
    const last = names.pop()!;
    const parent = names.reduce<Record<string, unknown> | undefined>((at, name) => at?.[name] as Record<string, unknown> | undefined, copy);
    if (parent && last in parent) parent[last] = null;
  }
  return copy;
}

/** Deletes expired answers of the running tenant; returns how many. Served by idempotency_key_expires_at_index. */
export async function forgetExpiredAnswers(em: EntityManager, now: Date): Promise<number> {
  const result = await tenantSql(em, (db) => sql`delete from kernel.idempotency_key where tenant_id = ${currentTenantId()} and expires_at < ${now}`.execute(db));
  return Number(result.numAffectedRows ?? 0);
}
