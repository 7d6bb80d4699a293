import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { requireContext, runAs, tenantSql, tenantStatement, type Principal } from '@agent-hive/kernel';
import { EventDto } from '../feed/event.dto.js';
import { look } from '../feed/events.service.js';
import { patternsOf } from '../feed/pattern.js';
import {
  addDeliveries, claimDelivery, countPending, forgetDeliveries, lockCursor, OWN_ACTIONS, releaseDelivery, selectWork, settleDelivery, type ClaimedRow, type Outcome, type Work,
} from './dispatch.sql.js';
import { SenderService, type Letter } from './sender.service.js';
import type { LoggedAttempt } from './webhook-delivery.entity.js';
import { WEBHOOK_OPTIONS, type WebhookOptions } from './webhook-options.js';

/** Attempts at one webhook at a time, each about another subject. */
const AT_ONCE = 8;
/** Pending deliveries of a webhook beyond which its events wait in the feed. */
const PENDING_MAX = 1_000;
/** Events that become deliveries in one transaction, and such transactions of one webhook in one turn. */
const [BATCH, BATCHES] = [500, 10];
/** How much longer than an attempt may take its delivery is held. */
const GRACE_MS = 5_000;
const MAX_ATTEMPTS = 12;
const BACKOFF_MS = 5_000;
const BACKOFF_MAX_MS = 6 * 3_600_000;
/** For how long what became of a delivery can be read. */
const KEPT_DAYS = 30;

/**
 * Brings events to webhooks, at least once each, those of a subject in their order. What is to be done is in the database, so any process
 * may do it, and another goes on when one is killed. Each webhook has workers of its own: one that is slow holds up nobody else.
 */
@Injectable()
export class DispatchService implements BeforeApplicationShutdown {
  private readonly log = new Logger('Webhooks');
  private readonly end = new AbortController();
  /** Workers of each webhook. */
  private readonly workers = new Map<string, Set<Promise<void>>>();
  private readonly maxAttempts: number;
  private readonly backoffMs: number;

  constructor(
    private readonly em: EntityManager,
    private readonly sender: SenderService,
    @Inject(WEBHOOK_OPTIONS) { maxAttempts = MAX_ATTEMPTS, backoffMs = BACKOFF_MS }: WebhookOptions,
  ) {
    this.maxAttempts = maxAttempts;
    this.backoffMs = backoffMs;
  }

  /**
   * Makes deliveries of what is new in the running tenant's feed, and sets workers to those that are due; returns how many were made, and
   * does not wait for the workers. Safe to run twice.
   */
  async dispatch(now = new Date()): Promise<number> {
    let made = 0;
    for (const webhook of await tenantStatement(this.em, (db) => selectWork(db, now))) {
      if (this.end.signal.aborted) break;
      const added = webhook.is_behind ? await this.follow(webhook, now) : 0;
      made += added;
      if (webhook.is_due || added > 0) this.employ(webhook);
    }
    return made;
  }

  /** Waits until no worker is left. */
  async idle(): Promise<void> {
    while (this.workers.size > 0) await Promise.all([...this.workers.values()].flatMap((workers) => [...workers]));
  }

  /** Forgets what ended more than 30 days ago; returns how many deliveries. */
  async forget(now = new Date()): Promise<number> {
    const before = new Date(now.getTime() - KEPT_DAYS * 86_400_000);
    for (let forgotten = 0; ; ) {
      const count = await tenantStatement(this.em, (db) => forgetDeliveries(db, before));
      forgotten += count;
      if (count === 0) return forgotten;
    }
  }

  /** Ends attempts; their deliveries are due at once for whoever comes next. */
  async beforeApplicationShutdown(): Promise<void> {
    this.end.abort();
    await this.idle();
  }

  private async follow({ id, actions }: Work, now: Date): Promise<number> {
    let made = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      const added = await tenantSql(this.em, async (db) => {
        const sequence = await lockCursor(db, id);
        if (sequence === undefined || (await countPending(db, id, PENDING_MAX)) >= PENDING_MAX) return null;
        const { rows, scannedTo } = await look(db, sequence, BATCH, patternsOf(actions));
        if (scannedTo === sequence) return null;
        const events = rows.filter((row) => !OWN_ACTIONS.includes(row.action));
        await addDeliveries(db, id, events, scannedTo, now);
        return events.length;
      });
      if (added === null) break;
      made += added;
    }
    return made;
  }

  /** As many workers as a webhook may have; one that fails has one, which makes one attempt a turn. */
  private employ({ id, failures }: Work): void {
    const { principal } = requireContext();
    const workers = this.workers.get(id) ?? new Set<Promise<void>>();
    this.workers.set(id, workers);
    while (workers.size < (failures === 0 ? AT_ONCE : 1)) {
      const worker: Promise<void> = this.deliver(id, principal)
        .catch((error: unknown) => this.log.error(`A worker of webhook ${id} of tenant ${principal.tenantId} failed; its delivery is tried again: ${String(error)}`))
        .finally(() => {
          workers.delete(worker);
          if (workers.size === 0) this.workers.delete(id);
        });
      workers.add(worker);
    }
  }

  /** One delivery after the other, until none is due or one has failed. */
  private async deliver(webhookId: string, principal: Principal): Promise<void> {
    while (!this.end.signal.aborted && (await runAs(this.em, principal, () => this.deliverNext(webhookId))));
  }

  private async deliverNext(webhookId: string): Promise<boolean> {
    const now = new Date();
    const claimed = await tenantStatement(this.em, (db) => claimDelivery(db, webhookId, now, new Date(now.getTime() + this.sender.timeoutMs + GRACE_MS)));
    if (!claimed) return false;
    const logged = await this.attempt(webhookId, claimed);
    if (logged === null) return false;
    const after = new Date();
    await tenantSql(this.em, async (db) => {
      await lockCursor(db, webhookId);
      await settleDelivery(db, webhookId, claimed, this.outcomeOf(logged, claimed.attempt, after), after);
    });
    return logged.error === null;
  }

  /** Null when the process shuts down meanwhile. */
  private async attempt(webhookId: string, claimed: ClaimedRow): Promise<LoggedAttempt | null> {
    try {
      return await this.sender.send(letterOf(webhookId, claimed), this.end.signal);
    } catch (error) {
      if (!this.end.signal.aborted) throw error;
      await tenantStatement(this.em, (db) => releaseDelivery(db, claimed, new Date()));
      return null;
    }
  }

  private outcomeOf(logged: LoggedAttempt, attempt: number, now: Date): Outcome {
    if (logged.error === null) return { status: 'delivered', nextAttemptAt: null, logged };
    if (attempt >= this.maxAttempts) return { status: 'dead', nextAttemptAt: null, logged };
    return { status: 'pending', nextAttemptAt: new Date(now.getTime() + pauseOf(attempt, this.backoffMs)), logged };
  }
}

/** Exponential backoff with equal jitter: half of the pause is certain, the other half is random, so that what failed together does not come back together. */
export function pauseOf(attempt: number, firstMs: number): number {
  const pause = Math.min(firstMs * 3 ** (attempt - 1), BACKOFF_MAX_MS);
  return Math.round(pause / 2 + (Math.random() * pause) / 2);
}

/** What one attempt sends. */
function letterOf(webhookId: string, { delivery_id: id, url, secret, previous_secret, previous_secret_until, event }: ClaimedRow): Letter {
  const data = EventDto.of(event);
  return { id, url, secrets: { id: webhookId, secret, previousSecret: previous_secret, previousSecretUntil: previous_secret_until }, type: data.action, timestamp: data.occurredAt, data };
}
