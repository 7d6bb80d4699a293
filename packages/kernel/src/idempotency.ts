import { hash as digest } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import { currentTenantId } from './context.js';
import { isLockTimeout, isUniqueViolation } from './database-error.js';
import { HiveError, Invalid, Refused } from './errors.js';
import { keepLease, releaseLease, takeLease, type HeldLease } from './lease.js';
import { tenantSql, tenantStatement, wholeTransaction, type Sql } from './transaction.js';
import { newId } from './uuid.js';

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
  body: object | null;
}

interface StoredAnswer {
  request_hash: string;
  status: number;
  response: Record<string, unknown> | null;
  expired: boolean;
}

const KEPT_MS = 24 * 3600 * 1000;
const KEY_MAX = 200;

/** How long a duplicate waits for the first, and how often it looks when no lock can tell it. */
const PATIENCE_MS = 2000;
const POLL_MS = 100;

/** How long a process that ended leaves the lease of its key behind. */
const OUTSIDE_SECONDS = 30;

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
  const hash = hashOf(request);
  try {
    return await wholeTransaction(em, async (end) => {
      const stored = await lookUp(em, request);
      if (stored) return replay(stored, request, hash);
      const answer = await work();
      await end((db) => insertAnswer(db, request, hash, { status: answer.status, body: withoutSecrets(answer.body, shownOnce) }));
      return { ...answer, replayed: false };
    });
  } catch (error) {
    // The first may have finished after the look and before the lock: then this was a repeat, which met the first's own rows.
    if (!(error instanceof HiveError) && !isUniqueViolation(error)) throw error;
    const stored = await tenantStatement(em, (db) => selectAnswer(db, request));
    if (!stored || stored.expired) throw error;
    return replay(stored, request, hash);
  }
}

/**
 * The same for work that waits for the outside world, and so must hold neither a transaction nor a connection: a lease
 * stands for the lock, and the answer is stored after the work. Should the process end between the two, a repeat does the
 * work again, once the lease has run out; so this is for work that may be done twice.
 */
export async function idempotentlyOutside(
  em: EntityManager,
  request: IdempotentRequest,
  shownOnce: readonly string[],
  work: () => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  const hash = hashOf(request);
  const found = await leaseOrAnswer(em, request);
  if ('request_hash' in found) return replay(found, request, hash);
  const letGo = keepLease(em, found, OUTSIDE_SECONDS);
  try {
    const answer = await work();
    await tenantSql(em, async (db) => {
      await deleteAnswer(db, request);
      await insertAnswer(db, request, hash, { status: answer.status, body: withoutSecrets(answer.body, shownOnce) });
    });
    return { ...answer, replayed: false };
  } finally {
    await letGo();
    await releaseLease(em, found);
  }
}

/** The lease of a request that is the first under its key, or the answer that an earlier one stored. Throws InFlight. */
async function leaseOrAnswer(em: EntityManager, request: IdempotentRequest): Promise<HeldLease | StoredAnswer> {
  const [name, holder] = [`idempotency:${digest('sha256', identityOf(request))}`, newId()];
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(POLL_MS)) {
    const lease = await takeLease(em, name, holder, OUTSIDE_SECONDS);
    // Looked for after the lease was asked for: a first that ends in between has stored its answer before it let go.
    const stored = await tenantStatement(em, (db) => selectAnswer(db, request));
    if (stored && !stored.expired) {
      if (lease) await releaseLease(em, lease);
      return stored;
    }
    if (lease) return lease;
    if (Date.now() >= until) throw new InFlight(request.key);
  }
}

/** Names the request's content, however its members are ordered. Throws Invalid on a key that is none. */
function hashOf({ key, body }: IdempotentRequest): string {
  if (key.length === 0 || key.length > KEY_MAX) throw new Invalid(`Idempotency-Key must have 1 to ${KEY_MAX} characters`);
  return digest('sha256', canonicalize(body ?? null) ?? '');
}

/** The answer to an earlier request. When there is none, this request alone is at work under its key until its transaction ends. */
async function lookUp(em: EntityManager, request: IdempotentRequest): Promise<StoredAnswer | undefined> {
  const lock = lockOf(request);
  return tenantSql(em, async (db) => {
    const { mine, found } = await lockAndSelectAnswer(db, request, lock);
    if (!mine && !found) await waitFor(db, request, lock);
    const stored = mine || found ? found : await selectAnswer(db, request);
    if (!stored?.expired) return stored;
    await deleteAnswer(db, request);
    return undefined;
  });
}

/** Two keys with the same 64 bits would wait for each other, and nothing else. */
const lockOf = (request: IdempotentRequest): string => digest('sha256', identityOf(request), 'buffer').readBigInt64BE().toString();

const identityOf = ({ principal, route, key }: IdempotentRequest): string => JSON.stringify([currentTenantId(), principal, route, key]);

const ofRequest = ({ principal, route, key }: IdempotentRequest) => sql`k.tenant_id = ${currentTenantId()} and k.principal = ${principal} and k.route = ${route} and k.key = ${key}`;

/** Served by the primary key. The look is a moment older than the lock. */
async function lockAndSelectAnswer(db: Sql, request: IdempotentRequest, lock: string): Promise<{ mine: boolean; found: StoredAnswer | undefined }> {
  const { rows } = await sql<{ mine: boolean } & (StoredAnswer | { request_hash: null })>`
    select pg_try_advisory_xact_lock(${lock}::bigint) as mine, k.request_hash, k.status, k.response, k.expires_at < ${new Date()}::timestamptz as expired
      from (select) one left join kernel.idempotency_key k on ${ofRequest(request)}`.execute(db);
  const { mine, ...row } = rows[0]!;
  return { mine, found: row.request_hash === null ? undefined : row };
}

/** Served by the primary key. */
async function selectAnswer(db: Sql, request: IdempotentRequest): Promise<StoredAnswer | undefined> {
  const { rows } = await sql<StoredAnswer>`
    select k.request_hash, k.status, k.response, k.expires_at < ${new Date()}::timestamptz as expired from kernel.idempotency_key k where ${ofRequest(request)}`.execute(db);
  return rows[0];
}

async function waitFor(db: Sql, request: IdempotentRequest, lock: string): Promise<void> {
  try {
    await sql`with patience as materialized (select set_config('lock_timeout', ${String(PATIENCE_MS)}, true)) select pg_advisory_xact_lock(${lock}::bigint) from patience`.execute(db);
  } catch (error) {
    if (isLockTimeout(error)) throw new InFlight(request.key);
    throw error;
  }
  await sql`set local lock_timeout to default`.execute(db);
}

/** Fails on the primary key should an answer be there: COMMIT goes out with this statement, and the failure makes it a rollback. */
async function insertAnswer(db: Sql, request: IdempotentRequest, hash: string, answer: Answer): Promise<void> {
  const now = Date.now();
  await sql`
    insert into kernel.idempotency_key (tenant_id, principal, route, key, request_hash, status, response, created_at, expires_at)
    values (${currentTenantId()}, ${request.principal}, ${request.route}, ${request.key}, ${hash}, ${answer.status},
            ${answer.body === null ? null : JSON.stringify(answer.body)}, ${new Date(now)}, ${new Date(now + KEPT_MS)})`.execute(db);
}

async function deleteAnswer(db: Sql, request: IdempotentRequest): Promise<void> {
  await sql`delete from kernel.idempotency_key k where ${ofRequest(request)}`.execute(db);
}

function replay(stored: StoredAnswer, request: IdempotentRequest, hash: string): Answer & { replayed: boolean } {
  if (stored.request_hash !== hash) {
    throw new Invalid(`Idempotency-Key ${request.key} was used with another body: use a new key for a new request`, [], 'idempotency-key-reused');
  }
  return { status: stored.status, body: stored.response, replayed: true };
}

function withoutSecrets(body: Answer['body'], paths: readonly string[]): Answer['body'] {
  if (body === null || paths.length === 0) return body;
  const copy = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
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

/** Deletes stored answers of the running tenant that were given to the principal, or hold one of the pieces of JSON text, in lower case; returns how many. */
export async function forgetAnswersWith(em: EntityManager, principal: string, parts: readonly string[]): Promise<number> {
  const holds = sql.join([sql`principal = ${principal}`, ...parts.map((part) => sql`position(${part} in lower(response::text)) > 0`)], sql` or `);
  const result = await tenantSql(em, (db) => sql`delete from kernel.idempotency_key where tenant_id = ${currentTenantId()} and status is not null and (${holds})`.execute(db));
  return Number(result.numAffectedRows ?? 0);
}
