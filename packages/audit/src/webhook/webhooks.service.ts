import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import {
  currentTenantId, decodeCursor, decodeIdCursor, Forbidden, foreignCursor, Invalid, isUuid, newId, NotFound, pageOf, Refused, requireContext, Stale, tenantRead, tenantSql, tenantStatement, transactional, type Page,
} from '@agent-hive/kernel';
import { covers } from '@agent-hive/kernel/http';
import { selectHead } from '../feed/event.sql.js';
import { requireReached } from '../feed/events.service.js';
import { Destinations, NotAllowed } from './destination.provider.js';
import { lockCursor } from './dispatch.sql.js';
import { newSecret } from './secret.js';
import { SenderService } from './sender.service.js';
import {
  WebhookDeliveryDto, WebhookDto, type CreatedWebhookDto, type CreateWebhookDto, type RotateWebhookDto, type UpdateWebhookDto, type WebhookAttemptDto, type WebhookDeliveryQuery,
} from './webhook.dto.js';
import { Webhook } from './webhook.entity.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';
import { countDeliveries, countWebhooks, deleteWebhook, insertCursor, lockOldestWebhook, redriveDelivery, selectDeliveries, selectDelivery, selectWebhook, selectWebhooks } from './webhook.sql.js';

/** Webhooks of one tenant. */
const WEBHOOKS_MAX = 100;

const OVERLAP_SECONDS = 86_400;

/** Who is told of events, and what came of it. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly em: EntityManager,
    private readonly destinations: Destinations,
    private readonly sender: SenderService,
    private readonly secrets: WebhookSecretsService,
  ) {}

  /** One webhook, without its secret. Throws NotFound. */
  async get(id: string): Promise<WebhookDto> {
    const row = await tenantStatement(this.em, (db) => selectWebhook(db, id));
    if (!row) throw new NotFound('webhook', id);
    return WebhookDto.of(row);
  }

  /** A page of webhooks, newest first. */
  async list({ limit, cursor, total }: { limit: number; cursor?: string; total?: boolean }): Promise<Page<WebhookDto>> {
    const before = decodeIdCursor(cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectWebhooks(db, limit, before);
      const page: Page<WebhookDto> = pageOf(rows, limit, (row) => [row.id], (row) => WebhookDto.of(row));
      if (total) page.total = await countWebhooks(db);
      return page;
    });
  }

  /**
   * A webhook with its secret, told of what comes next or after a sequence. Throws Invalid on a URL that leads to where webhooks must not,
   * or on a sequence that the feed has not reached; Forbidden when the caller may not read the record; Refused when there are 100.
   */
  async create({ url, actions, secret = newSecret(), description = null, isActive = true, after }: CreateWebhookDto): Promise<CreatedWebhookDto> {
    requireReader();
    await this.requireAllowed(url);
    return transactional(this.em, async (em) => {
      await tenantSql(em, lockOldestWebhook); // those made at once are counted one after the other
      if ((await tenantSql(em, countWebhooks)) >= WEBHOOKS_MAX) throw new Refused(`There are ${WEBHOOKS_MAX} webhooks, and no more are possible: delete one first`, 'too-many-webhooks', { max: WEBHOOKS_MAX });
      const head = await tenantSql(em, selectHead);
      if (after !== undefined) requireReached(after, head, '/after');
      const id = newId();
      const webhook = em.create(Webhook, { id, url, actions, secret: await this.secrets.stored(id, secret), description, isActive });
      await em.flush();
      await tenantSql(em, (db) => insertCursor(db, webhook.id, after ?? head));
      return { ...(await this.get(webhook.id)), secret };
    });
  }

  /** Changes a webhook that is still at the version (any, when null). Throws NotFound, Stale, Invalid on its URL, or Forbidden as create() does. */
  async update(id: string, input: UpdateWebhookDto, version: number | null): Promise<WebhookDto> {
    requireReader();
    if (input.url !== undefined) await this.requireAllowed(input.url);
    return transactional(this.em, async (em) => {
      const webhook = await this.load(em, id, version);
      wrap(webhook).assign(input, { ignoreUndefined: true, merge: false });
      await em.flush();
      return this.get(id);
    });
  }

  /** Deletes a webhook with its deliveries. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    const isDeleted = await transactional(this.em, (em) => tenantSql(em, async (db) => (await lockCursor(db, id)) !== undefined && (await deleteWebhook(db, id, version))));
    if (isDeleted) return;
    await this.get(id);
    throw new Stale('webhook', id);
  }

  /** Gives a webhook another secret, which only this answer shows; for a while attempts are signed with both. Throws NotFound. */
  async rotate(id: string, { secret = newSecret(), overlapSeconds = OVERLAP_SECONDS }: RotateWebhookDto): Promise<CreatedWebhookDto> {
    requireReader();
    return transactional(this.em, async (em) => {
      const webhook = await this.load(em, id, null);
      const previousSecretUntil = overlapSeconds === 0 ? null : new Date(Date.now() + overlapSeconds * 1000);
      const previousSecret = previousSecretUntil && (await this.secrets.storedPrevious(webhook));
      wrap(webhook).assign({ secret: await this.secrets.stored(id, secret), previousSecret, previousSecretUntil });
      await em.flush();
      return { ...(await this.get(id)), secret };
    });
  }

  /** Sends a `webhook.test` to a webhook at once, signed as deliveries are, and tells what came of it; it is not tried again. Throws NotFound. */
  async test(id: string): Promise<WebhookAttemptDto> {
    const webhook = await this.load(this.em, id, null, false);
    const now = new Date();
    const letter = { id: newId(), url: webhook.url, secrets: webhook, type: 'webhook.test', timestamp: now.toISOString(), data: { webhookId: id } };
    return this.sender.send(letter, new AbortController().signal);
  }

  /** A page of a webhook's deliveries, the newest event first. Throws NotFound. */
  async listDeliveries(id: string, { limit, cursor, total, status }: WebhookDeliveryQuery): Promise<Page<WebhookDeliveryDto>> {
    const [before, beforeId] = decodeCursor(cursor, 2) ?? [];
    if (before !== undefined && !(Number.isSafeInteger(before) && isUuid(beforeId))) throw foreignCursor();
    return tenantRead(this.em, async (db) => {
      if (!(await selectWebhook(db, id))) throw new NotFound('webhook', id);
      const rows = await selectDeliveries(db, id, { status, limit, before: before as number | undefined });
      const page: Page<WebhookDeliveryDto> = pageOf(rows, limit, (row) => [Number(row.sequence), row.id], (row) => WebhookDeliveryDto.of(row));
      if (total) page.total = await countDeliveries(db, id, status);
      return page;
    });
  }

  /** One delivery of a webhook. Throws NotFound. */
  async getDelivery(id: string, deliveryId: string): Promise<WebhookDeliveryDto> {
    const row = await tenantStatement(this.em, (db) => selectDelivery(db, id, deliveryId));
    if (!row) throw new NotFound('webhook delivery', deliveryId);
    return WebhookDeliveryDto.of(row);
  }

  /** Makes a dead delivery pending again, with all its attempts before it. Throws NotFound, or Refused on one that is not dead. */
  async redrive(id: string, deliveryId: string): Promise<WebhookDeliveryDto> {
    return transactional(this.em, async (em) => {
      const isRedriven = await tenantSql(em, async (db) => (await lockCursor(db, id)) !== undefined && (await redriveDelivery(db, id, deliveryId, new Date())));
      const delivery = await this.getDelivery(id, deliveryId);
      if (!isRedriven) throw new Refused(`delivery ${deliveryId} is ${delivery.status}: only a dead one can be redriven`, 'refused', { status: delivery.status, allowed: ['dead'] });
      return delivery;
    });
  }

  private async load(em: EntityManager, id: string, version: number | null, isHeld = true): Promise<Webhook> {
    const webhook = await em.findOne(Webhook, { tenantId: currentTenantId(), id }, { ...(isHeld && { lockMode: LockMode.PESSIMISTIC_WRITE }) });
    if (!webhook) throw new NotFound('webhook', id);
    if (version !== null && webhook.version !== version) throw new Stale('webhook', id);
    return webhook;
  }

  private async requireAllowed(url: string): Promise<void> {
    try {
      await this.destinations.of(url);
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error;
      throw new Invalid(`url ${error.message}`, [{ pointer: '/url', message: error.message }], 'url-not-allowed');
    }
  }
}

/** A webhook carries the record out of the hive: who makes one must be able to read it. */
function requireReader(): void {
  const needed = 'audit:read';
  if (!covers(requireContext().principal.scopes, needed)) throw new Forbidden(`A webhook tells what the record holds: the scope ${needed} is needed beside webhooks:write`, 'missing-scope', { scope: needed });
}
