import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { entryFacts } from '@agent-hive/audit';
import { Coalescer, currentTenantId, isConnectionLoss, requireContext, runAs, runInContext, runningTransaction, servicePrincipal, tenantStatement, type HiveContext } from '@agent-hive/kernel';
import { appendMessages, appendTogether } from './message-append.sql.js';
import type { Draft } from './new-message.js';

/** Messages of one caller for one session, and whom they come from. */
interface Call {
  context: HiveContext;
  sessionId: string;
  draft: Draft;
}

/** The sequence behind which a call's messages begin, null when the session did not advance; or what was thrown. */
type Outcome = { base: number | null } | { error: unknown };

/** What goes into a statement with others: a large text is better off as a parameter of its own. */
const JOINT_MAX_BYTES = 16 * 1024;
const JOINT_MAX_MESSAGES = 20;

/**
 * Writes messages. Those that come at the same moment, to whichever sessions of one tenant, are written in one statement and with one
 * commit; who comes alone waits for nobody.
 */
@Injectable()
export class AppendsService {
  private readonly calls = new Coalescer<Call, Outcome>((calls) => this.appendCalls(calls), { max: 50, concurrency: 2 });

  constructor(private readonly em: EntityManager) {}

  /** Appends to a session of the running tenant. Returns the sequence behind which the messages begin, or null when the session did not advance. */
  async append(sessionId: string, draft: Draft): Promise<number | null> {
    if (runningTransaction(this.em) || !isJoint(draft)) return this.alone(sessionId, draft);
    const outcome = await this.calls.run(currentTenantId(), { context: requireContext(), sessionId, draft });
    if ('error' in outcome) throw outcome.error;
    return outcome.base;
  }

  private alone(sessionId: string, draft: Draft): Promise<number | null> {
    return tenantStatement(this.em, (db) => appendMessages(db, sessionId, draft, draft.messages[0]!.created_at));
  }

  private async appendCalls(calls: readonly Call[]): Promise<Outcome[]> {
    const [only] = calls;
    if (calls.length === 1) return [await this.settle(only!)];
    const outcomes = new Map<Call, Outcome>();
    for (let left = [...calls]; left.length > 0; ) {
      const round = left.filter((call) => call.context.principal.actor.id === actorOf(left, call.sessionId));
      for (const [i, outcome] of (await this.appendRound(round)).entries()) outcomes.set(round[i]!, outcome);
      left = left.filter((call) => !outcomes.has(call));
    }
    return calls.map((call) => outcomes.get(call)!);
  }

  private async appendRound(calls: readonly Call[]): Promise<Outcome[]> {
    const appends = calls.map(({ context, sessionId, draft }) => ({ sessionId, messages: draft.messages, facts: runInContext(context, entryFacts) }));
    try {
      // The record names each caller by the facts of its own request; the transaction is the tenant's.
      const bases = await runAs(this.em, servicePrincipal(currentTenantId(), 'communication'), () => tenantStatement(this.em, (db) => appendTogether(db, appends)));
      return bases.map((base) => ({ base }));
    } catch (error) {
      // A lost connection leaves open whether it was committed. What the database refused was undone for all: each learns on its own whether it was the cause.
      if (isConnectionLoss(error)) return calls.map(() => ({ error }));
      return Promise.all(calls.map((call) => this.settle(call)));
    }
  }

  private async settle({ context, sessionId, draft }: Call): Promise<Outcome> {
    try {
      return { base: await runInContext(context, () => this.alone(sessionId, draft)) };
    } catch (error) {
      return { error };
    }
  }
}

const isJoint = ({ messages, expectedSequence }: Draft): boolean =>
  expectedSequence === null && messages.length <= JOINT_MAX_MESSAGES && messages.reduce((sum, { size_bytes }) => sum + size_bytes, 0) <= JOINT_MAX_BYTES;

/** The actor who is first to write into a session. */
const actorOf = (calls: readonly Call[], sessionId: string): string | null => calls.find((call) => call.sessionId === sessionId)!.context.principal.actor.id;
