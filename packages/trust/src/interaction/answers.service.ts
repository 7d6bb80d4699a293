import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Forbidden, isForeignKeyViolation, NotFound, oneTransaction, Refused, requireContext, tenantSql, type Sql } from '@agent-hive/kernel';
import { isFleetStopped } from '../emergency/emergency-stop.sql.js';
import { TrustHooks } from '../trust.hooks.js';
import { digestOf } from './action-digest.js';
import { requireOffered } from './answer.js';
import { InteractionWakeups } from './interaction-wakeups.service.js';
import type { Action } from './interaction.entity.js';
import type { CancelInteractionDto, RespondDto } from './interaction.dto.js';
import { lockInteraction } from './interaction.sql.js';
import { InteractionDto, type InteractionRow } from './interaction-view.dto.js';
import { cancelInteractions, expireInteractions, holdAgentStatus, lockLapsed, lockPendingApprovals, settleInteraction, useApproval, type Settlement } from './transition.sql.js';

/**
 * What becomes of interactions: answered, cancelled, expired, and approvals used. Every step locks the interaction first, so of
 * two that are made at once the second finds what the first has done; what follows from an end is done in its transaction.
 */
@Injectable()
export class AnswersService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: TrustHooks,
    private readonly wakeups: InteractionWakeups,
  ) {}

  /**
   * Answers a pending interaction. Throws NotFound, Forbidden when an agent answers itself or gives an approval
   * (`own-interaction`, `people-only`), Refused when it is over (`interaction-settled`, `interaction-expired`), Invalid on
   * an answer that does not fit.
   */
  async respond(id: string, { status, response }: RespondDto): Promise<InteractionDto> {
    return this.settle(id, (row, at) => {
      requireMayAnswer(row);
      requirePending(row, at);
      requireOffered(row, { status, response: response ?? undefined });
      return { status, response: response ?? undefined, at };
    });
  }

  /** Takes a pending question back. Throws NotFound, Forbidden when an agent takes back what another asked, Refused when it is over. */
  async cancel(id: string, { reason }: CancelInteractionDto): Promise<InteractionDto> {
    return this.settle(id, (row, at) => {
      requireOwn(row);
      requirePending(row, at);
      return { status: 'cancelled', reason, at };
    });
  }

  /**
   * Uses an approval for the very action that it was given for, once. Throws NotFound, Forbidden when it is another agent's,
   * Refused: `not-approved`, `interaction-expired`, `approval-used`, `action-changed` with both digests, `agent-shutdown`, `emergency-stop`.
   */
  async use(id: string, action: Action): Promise<InteractionDto> {
    return tenantSql(this.em, async (db) => {
      const row = await lock(db, id);
      requireOwn(row);
      if (await isFleetStopped(db)) throw new Refused('The fleet is stopped: nothing is used until the emergency stop is lifted', 'emergency-stop');
      const at = new Date();
      const digest = digestOf(action);
      requireUsable(row, digest, at);
      if (row.agent_id !== null && (await holdAgentStatus(db, row.agent_id)) === 'shutdown') throw new Refused(`agent ${row.agent_id} is shut down: what it was allowed before it may do no more`, 'agent-shutdown');
      const used = await useApproval(db, row, digest, at);
      return InteractionDto.of(used!, at);
    });
  }

  /** Marks what has expired in the running tenant, and lets go on what waited for it; returns how many. Safe to run twice, and beside everything else. */
  async expire(now = new Date()): Promise<number> {
    for (let total = 0; ; ) {
      const count = await oneTransaction(this.em, async () => {
        const rows = await tenantSql(this.em, async (db) => {
          const lapsed = await lockLapsed(db, now);
          return lapsed.length === 0 ? [] : expireInteractions(db, lapsed, now);
        });
        await this.tell(rows, now);
        return rows.length;
      });
      total += count;
      if (count === 0) return total;
    }
  }

  /** Cancels every pending approval of the running tenant that has not expired; returns how many. To be called in a transaction, which then holds them all. */
  async cancelApprovals(reason: string): Promise<number> {
    for (let total = 0; ; ) {
      const now = new Date();
      const rows = await tenantSql(this.em, async (db) => {
        const pending = await lockPendingApprovals(db, now);
        return pending.length === 0 ? [] : cancelInteractions(db, pending, reason, now);
      });
      if (rows.length === 0) return total;
      total += rows.length;
      await this.tell(rows, now);
    }
  }

  private async settle(id: string, decide: (row: InteractionRow, at: Date) => Settlement): Promise<InteractionDto> {
    return oneTransaction(this.em, async () => {
      const row = await tenantSql(this.em, async (db) => {
        const found = await lock(db, id);
        return settleInteraction(db, found, decide(found, new Date()));
      }).catch((error: unknown) => {
        if (isForeignKeyViolation(error)) throw new NotFound('user', requireContext().principal.actor.id!); // deleted since the key was checked
        throw error;
      });
      const [interaction] = await this.tell([row!], new Date());
      return interaction!;
    });
  }

  /** Tells those who wait: in the transaction those downstream, after its commit those who look on. */
  private async tell(rows: readonly InteractionRow[], now: Date): Promise<InteractionDto[]> {
    const interactions = rows.map((row) => InteractionDto.of(row, now));
    if (interactions.length === 0) return [];
    await this.hooks.interactionsSettled.run(this.em, interactions);
    this.wakeups.notify(...interactions.map((interaction) => interaction.id));
    return interactions;
  }
}

async function lock(db: Sql, id: string): Promise<InteractionRow> {
  const row = await lockInteraction(db, id, 'update');
  if (!row) throw new NotFound('interaction', id);
  return row;
}

/** People answer, or keys that stand for them. An agent may say something to another's question, but never to its own, and never allow anything. */
function requireMayAnswer(row: InteractionRow): void {
  const { actor } = requireContext().principal;
  if (actor.type !== 'agent') return;
  if (row.agent_id === actor.id) throw new Forbidden(`Agent ${actor.id} asked this itself: somebody else has to answer`, 'own-interaction');
  if (row.type === 'approval_request') throw new Forbidden(`An approval is a person's to give, and ${actor.name} is an agent`, 'people-only');
}

function requireOwn(row: InteractionRow): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && row.agent_id !== actor.id) throw new Forbidden(`interaction ${row.id} is not agent ${actor.id}'s own`, 'not-yours');
}

const hasExpired = (row: InteractionRow, at: Date): boolean => row.expires_at !== null && new Date(row.expires_at) <= at;

const refuseExpired = (row: InteractionRow): Refused => new Refused(`interaction ${row.id} has expired, which counts as refused: ask anew`, 'interaction-expired', { expiresAt: new Date(row.expires_at!).toISOString() });

function requirePending(row: InteractionRow, at: Date): void {
  if (row.status === 'expired' || (row.status === 'pending' && hasExpired(row, at))) throw refuseExpired(row);
  if (row.status !== 'pending') throw new Refused(`interaction ${row.id} is ${row.status} already: only a pending one can be answered or cancelled`, 'interaction-settled', { interactionStatus: row.status });
}

/** Everything is looked at anew at the moment of use: the answer, the time, the action. */
function requireUsable(row: InteractionRow, digest: string, at: Date): void {
  if (row.status === 'expired' || (row.status === 'pending' && hasExpired(row, at))) throw refuseExpired(row);
  if (row.status !== 'approved') throw new Refused(`interaction ${row.id} is ${row.status}: only an approved one can be used`, 'not-approved', { interactionStatus: row.status });
  if (row.used_at !== null) throw new Refused(`The approval ${row.id} was used at ${new Date(row.used_at).toISOString()}: each is used once, so ask anew`, 'approval-used', { usedAt: new Date(row.used_at).toISOString() });
  if (hasExpired(row, at)) throw refuseExpired(row);
  if (row.action_digest === null) throw new Refused(`The approval ${row.id} was asked for without an action, so it allows none`, 'no-action');
  if (row.action_digest !== digest) throw new Refused(`The digest of this action is not the one that was approved: name or parameters differ, so ask anew`, 'action-changed', { approvedDigest: row.action_digest, actionDigest: digest });
}
