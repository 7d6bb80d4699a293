import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { entryFacts, type EntryFacts } from '@agent-hive/audit';
import { Coalescer, currentTenantId, Forbidden, newId, NotFound, Refused, requireContext, runAs, runningTransaction, servicePrincipal, tenantSql, tenantStatement } from '@agent-hive/kernel';
import { SettlementService } from '../task/settlement.service.js';
import { WorkloadReporter } from '../workload/workload.service.js';
import { ClaimedTaskDto, type ClaimDto, type ClaimedDto } from './claim.dto.js';
import { claimTasks, lockLimitedQueues, selectClaimants, type Claim, type ClaimedRow, type Slot } from './claim.sql.js';
import { WakeupsService } from './wakeups.service.js';

/** One claim among those that are made together. */
interface Claimant {
  agentId: string;
  limit: number;
  queues: readonly string[] | null;
  leaseSeconds: number;
  facts: EntryFacts;
}

type Claimed = { rows: ClaimedRow[]; withheld: number } | { error: unknown };

const DEFAULT_LEASE_SECONDS = 60;
const LOOKS_MAX = 5;
/** Tenants whose turns are remembered; a forgotten one begins anew, which changes nothing but who is first. */
const TURNS_MAX = 10_000;

/** Hands tasks out to agents. Claims of one tenant that come at the same moment are made in one statement, in the order in which they came. */
@Injectable()
export class ClaimsService {
  private readonly claims = new Coalescer<Claimant, Claimed>((claimants) => this.claimTogether(claimants), { max: 50, concurrency: 2 });
  /** Time of the last turn of each tenant's queues, as this process gave them out. */
  private readonly turns = new Map<string, number>();

  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
    private readonly workload: WorkloadReporter,
  ) {}

  /**
   * Claims tasks for an agent, waiting for work if it is told to; nothing is held while it waits, and nothing is claimed for
   * one who is gone (`signal`). Throws NotFound on the agent, Forbidden when an agent speaks for another, Refused when it is shut down.
   */
  async claim(input: ClaimDto, signal?: AbortSignal): Promise<ClaimedDto> {
    const { actor } = requireContext().principal;
    if (actor.type === 'agent' && actor.id !== input.agentId) throw new Forbidden(`Agent ${actor.id} cannot claim for agent ${input.agentId}`, 'not-yours');
    const claimant: Claimant = { agentId: input.agentId.toLowerCase(), limit: input.limit ?? 1, queues: input.queues ?? null, leaseSeconds: input.leaseSeconds ?? DEFAULT_LEASE_SECONDS, facts: entryFacts() };
    const until = Date.now() + (input.waitSeconds ?? 0) * 1000;
    for (;;) {
      const { rows, withheld } = await this.attempt(claimant);
      const left = until - Date.now();
      // A transaction of the caller's own must not stay open while it waits.
      if (rows.length > 0 || left <= 0 || runningTransaction(this.em)) return { items: rows.map((row) => ClaimedTaskDto.of(row)), withheld };
      if (!(await this.wakeups.wait(left, signal))) return { items: [], withheld };
    }
  }

  private async attempt(claimant: Claimant): Promise<{ rows: ClaimedRow[]; withheld: number }> {
    const claimed = runningTransaction(this.em) ? await this.claimTogether([claimant]).then(([only]) => only!) : await this.claims.run(currentTenantId(), claimant);
    if ('error' in claimed) throw claimed.error;
    return claimed;
  }

  private async claimTogether(claimants: Claimant[]): Promise<Claimed[]> {
    // The record names each caller by the facts of its own request; the transactions are the tenant's.
    const answers = runningTransaction(this.em) ? await this.claimEach(claimants) : await runAs(this.em, servicePrincipal(currentTenantId(), 'tasks'), () => this.claimEach(claimants));
    for (const [i, answer] of answers.entries()) if ('rows' in answer && answer.rows.length > 0) this.workload.touch(claimants[i]!.agentId);
    return answers;
  }

  private async claimEach(claimants: readonly Claimant[]): Promise<Claimed[]> {
    const answers: Claimed[] = claimants.map(() => ({ rows: [], withheld: 0 }));
    for (const group of await this.alike(claimants)) {
      const claimed = await this.claimGroup(group.map((i) => claimants[i]!));
      for (const [at, answer] of claimed.entries()) answers[group[at]!] = answer;
    }
    return answers;
  }

  /** Positions of claims that see the same tasks, so that one statement can serve them all. */
  private async alike(claimants: readonly Claimant[]): Promise<number[][]> {
    const agents = new Set(claimants.map((claimant) => claimant.agentId));
    const known = agents.size === 1 ? [] : await tenantStatement(this.em, (db) => selectClaimants(db, [...agents]));
    const kinds = new Map(known.map((agent) => [agent.id, agent.is_pinned_to ? agent.id : JSON.stringify([[...new Set(agent.capabilities)].sort(), Object.entries(agent.levels ?? {}).sort()])]));
    const groups = new Map<string, number[]>();
    for (const [i, { agentId, queues }] of claimants.entries()) {
      const kind = JSON.stringify([kinds.get(agentId) ?? agentId, queues]);
      groups.set(kind, [...(groups.get(kind) ?? []), i]);
    }
    return [...groups.values()];
  }

  private async claimGroup(group: readonly Claimant[]): Promise<Claimed[]> {
    const now = new Date();
    const slots = group.flatMap((claimant) => Array.from({ length: claimant.limit }, (): Omit<Slot, 'n'> => slotOf(claimant, now)));
    const [first] = group;
    const claim: Claim = { agentId: first!.agentId, queues: first!.queues, slots: slots.map((slot, i) => ({ ...slot, n: i + 1 })), turn: this.turns.get(currentTenantId()) ?? 0, now };
    const rows = await this.claimRows(claim);
    const [facing] = rows;
    if (!facing) return group.map(({ agentId }) => ({ error: new NotFound('agent', agentId) }));
    if (facing.agent_status === 'shutdown') return group.map(({ agentId }) => ({ error: new Refused(`agent ${agentId} is shut down: it must become initializing before it claims tasks`, 'agent-shutdown') }));
    this.remember(facing.turn);
    const claimed = rows.filter((row) => row.id !== null);
    let from = 0;
    return group.map(({ limit }) => {
      const until = (from += limit);
      return { rows: claimed.filter((row) => row.slot > until - limit && row.slot <= until), withheld: facing.withheld };
    });
  }

  private async claimRows(claim: Claim): Promise<ClaimedRow[]> {
    for (let looks = 1; ; looks++) {
      let rows = await tenantStatement(this.em, (db) => claimTasks(db, claim, false));
      if (rows[0]?.is_entangled) rows = await this.claimEntangled(claim);
      // Another transaction held all that this one looked at: what it leaves is looked at again.
      if (rows[0]?.id !== null || !rows[0].was_contended || looks === LOOKS_MAX) return rows;
    }
  }

  private claimEntangled(claim: Claim): Promise<ClaimedRow[]> {
    return tenantSql(this.em, async (db) => {
      await lockLimitedQueues(db);
      const rows = await claimTasks(db, claim, true);
      const started = rows.filter((row) => row.id !== null && row.is_start_linked).map((row) => ({ id: row.id! }));
      if (started.length > 0) await this.settlement.settleStarts(db, started, claim.now);
      return rows;
    });
  }

  private remember(turn: number): void {
    const tenantId = currentTenantId();
    const later = Math.max(turn, this.turns.get(tenantId) ?? 0); // of two statements, the first to begin may end last
    this.turns.delete(tenantId);
    this.turns.set(tenantId, later);
    const [oldest] = this.turns.keys();
    if (this.turns.size > TURNS_MAX && oldest !== undefined) this.turns.delete(oldest);
  }
}

const slotOf = ({ agentId, leaseSeconds, facts }: Claimant, now: Date): Omit<Slot, 'n'> => ({
  agentId,
  leaseSeconds,
  leaseExpiresAt: new Date(now.getTime() + leaseSeconds * 1000),
  attemptId: newId(),
  entryId: newId(),
  ...facts,
});
