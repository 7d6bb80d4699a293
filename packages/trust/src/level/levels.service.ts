import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { TRUST_LEVELS, type TrustLevel } from '@agent-hive/agents';
import type { Risk } from '@agent-hive/audit';
import { oneTransaction, Refused, tenantSql, tenantStatement, type Sql } from '@agent-hive/kernel';
import { ANY_CLASS } from '../gate/gate.js';
import type { Policy } from '../policy/thresholds.js';
import { selectPolicy } from '../policy/trust-policy.sql.js';
import { evaluate, evidenceOf, type Judgement, type Standing } from './evaluation.js';
import {
  countJudged, endOverride, inForce, insertLevelChanges, lockInactive, lockLapsedOverrides, lockStanding, lockStandings, overrideOf, selectGrounds, selectLevels, selectWildcards, sumJudged, updateStanding,
  type AgentStandingRow, type Grounds, type NewLevelChange, type StandingRow,
} from './standing.sql.js';

/** An override that is to take effect. */
export interface OverrideOrder {
  id: string;
  agentId: string;
  actionClass: string;
  level: number;
  reason: string;
  expiresAt: Date;
}

const DAY_MS = 86_400_000;

/**
 * What moves levels: judged decisions, incidents, overrides, time. Each change is made under the lock of the standing and written down
 * with its evidence in the same transaction, which is the caller's.
 */
@Injectable()
export class LevelsService {
  constructor(private readonly em: EntityManager) {}

  /** Counts a judged decision, and moves the level if the policy says so; returns the standing that followed. To be called in the transaction of the feedback. */
  async judge(agentId: string, actionClass: string, judgement: Judgement, now: Date): Promise<StandingRow> {
    return tenantSql(this.em, async (db) => {
      const { row, wildcard } = await lockStanding(db, agentId, actionClass, now);
      const grounds = await selectGrounds(db, agentId, now);
      await this.lapse(db, { agentId, rows: [row, wildcard], policy: grounds.policy, now });
      row.judgements = [...row.judgements, judgement].slice(-grounds.policy.thresholds.windowSize);
      row.judged_since_change++;
      row.judged_count++;
      row.approved_count += Number(judgement[0] === 1);
      row.active_at = now;
      await countJudged(db, agentId, actionClass, judgement[0] === 1, now);
      await this.move(db, { agentId, row, wildcard, grounds, now });
      await updateStanding(db, agentId, row);
      return row;
    });
  }

  /**
   * Takes trust after an incident: all of it when critical, an earned level of each class when high. Overrides that allow more than what is
   * left end; one of every class stays where it holds a class below what is left, since no level in force rises by an incident.
   */
  async punish(agentId: string, { id: incidentId, severity }: { id: string; severity: Risk }, now: Date): Promise<void> {
    if (severity !== 'critical' && severity !== 'high') return;
    const isCritical = severity === 'critical';
    await tenantSql(this.em, async (db) => {
      const [rows, { policy }] = [await lockStandings(db, agentId), await selectGrounds(db, agentId, now)];
      const wildcard = rows.find((row) => row.action_class === ANY_CLASS);
      await this.lapse(db, { agentId, rows, policy, now });
      const before = new Map(rows.map((row) => [row, { earned: row.level, inForce: inForce(row, wildcard, now) }]));
      const ending = { reason: `incident ${incidentId}`, now };
      for (const row of rows) {
        row.level = isCritical ? 0 : Math.max(0, row.level - 1);
        if (row !== wildcard) await dropOverride(db, agentId, row, { above: row.level, ...ending });
      }
      const isHolding = rows.some((row) => row !== wildcard && inForce(row, undefined, now) > (overrideOf(wildcard, now) ?? 0));
      if (wildcard && !isHolding) await dropOverride(db, agentId, wildcard, { above: 0, ...ending });
      const changes: NewLevelChange[] = [];
      for (const row of rows) {
        const { earned, inForce: from } = before.get(row)!;
        const to = inForce(row, wildcard, now);
        const figures = evidenceOf({ window: row.judgements, judgedSinceChange: row.judged_since_change }, policy.thresholds.windowSize);
        // Trust that was lost by what is worst is earned anew, not out of what was judged before.
        restart(row, now, isCritical);
        await updateStanding(db, agentId, row);
        if (from === to && earned === row.level) continue;
        const evidence = { incidentId, severity, ...earnedBy(earned, row), ...figures };
        changes.push({ agentId, actionClass: row.action_class, kind: 'incident', from, to, reason: `Incident ${incidentId} of severity ${severity}`, evidence, policyVersion: policy.version });
      }
      await insertLevelChanges(db, changes, now);
    });
  }

  /** Puts an override in force, in place of an earlier one of the class. Throws Refused (`frozen`) on one that raises the level of an agent that is frozen. */
  async override({ id, agentId, actionClass, level, reason, expiresAt }: OverrideOrder, now: Date): Promise<void> {
    await tenantSql(this.em, async (db) => {
      const { row, wildcard } = await lockStanding(db, agentId, actionClass, now);
      const { policy, isFrozen } = await selectGrounds(db, agentId, now);
      await this.lapse(db, { agentId, rows: [row, wildcard], policy, now });
      const from = inForce(row, wildcard, now);
      if (isFrozen && level > from) throw new Refused(`agent ${agentId} is frozen: no level of it rises above ${TRUST_LEVELS[from]} until the freeze is over or lifted`, 'frozen', { level: TRUST_LEVELS[from] });
      if (row.override_id !== null) await endOverride(db, row.override_id, agentId, `replaced by ${id}`, now);
      Object.assign(row, { override_id: id, override_level: level, override_expires_at: expiresAt });
      restart(row, now, false);
      await updateStanding(db, agentId, row);
      await insertLevelChanges(db, [{ agentId, actionClass, kind: 'override', from, to: level, reason, evidence: { overrideId: id, expiresAt, earnedLevel: TRUST_LEVELS[row.level] }, policyVersion: policy.version }], now);
    });
  }

  /** Ends an override that is in force; false when it is not. */
  async lift(agentId: string, overrideId: string, now: Date): Promise<boolean> {
    return tenantSql(this.em, async (db) => {
      const rows = await lockStandings(db, agentId);
      const row = rows.find((standing) => standing.override_id === overrideId);
      if (!row || overrideOf(row, now) === null) return false;
      const policy = await selectPolicy(db);
      await endOverride(db, overrideId, agentId, 'lifted', now);
      const change = ended(row, rows.find((standing) => standing.action_class === ANY_CLASS), 'override_lifted', now);
      await updateStanding(db, agentId, row);
      await insertLevelChanges(db, [{ agentId, ...change, policyVersion: policy.version }], now);
      return true;
    });
  }

  /** Ends overrides whose time is over, and takes levels of agents that were not judged for long; returns how many. Safe to run twice. */
  async sweep(now = new Date()): Promise<number> {
    const policy = await tenantStatement(this.em, selectPolicy);
    return (await this.each(() => this.expireOverrides(policy, now))) + (await this.each(() => this.demoteInactive(policy, now)));
  }

  /** The highest level that an agent has in force: what its sessions begin with. */
  async highest(agentId: string, now = new Date()): Promise<number> {
    const levels = await tenantStatement(this.em, (db) => selectLevels(db, agentId, now));
    return Math.max(0, ...Object.values(levels));
  }

  private async each(work: () => Promise<number>): Promise<number> {
    for (let total = 0; ; ) {
      const count = await oneTransaction(this.em, work);
      total += count;
      if (count === 0) return total;
    }
  }

  private async expireOverrides(policy: Policy, now: Date): Promise<number> {
    return tenantSql(this.em, async (db) => {
      const lapsed = await lockLapsedOverrides(db, now);
      const wildcards = await this.wildcardsOf(db, lapsed);
      const changes: NewLevelChange[] = [];
      for (const { agent_id: agentId, ...row } of lapsed) {
        changes.push({ agentId, ...ended(row, wildcards.get(agentId), 'override_expired', now), policyVersion: policy.version });
        await updateStanding(db, agentId, row);
      }
      await insertLevelChanges(db, changes, now);
      return lapsed.length;
    });
  }

  private async demoteInactive(policy: Policy, now: Date): Promise<number> {
    return tenantSql(this.em, async (db) => {
      const days = policy.thresholds.inactivityDays;
      const idle = await lockInactive(db, new Date(now.getTime() - days * DAY_MS));
      const wildcards = await this.wildcardsOf(db, idle);
      const changes: NewLevelChange[] = [];
      for (const { agent_id: agentId, ...row } of idle) {
        const [wildcard, earned, activeAt] = [wildcards.get(agentId), row.level, row.active_at];
        const from = inForce(row, wildcard, now);
        row.level--;
        restart(row, now, false);
        row.active_at = now;
        await updateStanding(db, agentId, row);
        const evidence = { activeAt, inactivityDays: days, ...earnedBy(earned, row) };
        changes.push({ agentId, actionClass: row.action_class, kind: 'inactivity', from, to: inForce(row, wildcard, now), reason: `No decision was judged for ${days} days`, evidence, policyVersion: policy.version });
      }
      await insertLevelChanges(db, changes, now);
      return idle.length;
    });
  }

  /** What holds in every class, of the agents of some standings. Not locked: a sweep that waited here could wait for one that waits for it. */
  private async wildcardsOf(db: Sql, rows: readonly AgentStandingRow[]): Promise<Map<string, StandingRow>> {
    const found = rows.length === 0 ? [] : await selectWildcards(db, [...new Set(rows.map((row) => row.agent_id))]);
    return new Map(found.map(({ agent_id: agentId, ...row }) => [agentId, row]));
  }

  /** Ends overrides of locked standings that ran out before anybody swept: they expired, whatever is done to the standing now. */
  private async lapse(db: Sql, { agentId, rows, policy, now }: { agentId: string; rows: readonly (StandingRow | undefined)[]; policy: Policy; now: Date }): Promise<void> {
    const wildcard = rows.find((row) => row?.action_class === ANY_CLASS);
    const changes: NewLevelChange[] = [];
    for (const row of rows) {
      if (!row || row.override_id === null || overrideOf(row, now) !== null) continue;
      changes.push({ agentId, ...ended(row, wildcard, 'override_expired', now), policyVersion: policy.version });
      await updateStanding(db, agentId, row);
    }
    await insertLevelChanges(db, changes, now);
  }

  /** One step up or down, by the policy. */
  private async move(db: Sql, { agentId, row, wildcard, grounds, now }: { agentId: string; row: StandingRow; wildcard: StandingRow | undefined; grounds: Grounds; now: Date }): Promise<void> {
    const { policy, isFrozen } = grounds;
    const wanted = policy.thresholds.levels[row.level];
    const days = wanted?.days == null ? null : await sumJudged(db, agentId, row.action_class, wanted.days, now);
    const from = inForce(row, wildcard, now);
    const standing: Standing = {
      level: row.level, overrideLevel: overrideOf(row, now) ?? overrideOf(wildcard, now), window: row.judgements, judgedSinceChange: row.judged_since_change, changedAt: new Date(row.changed_at),
    };
    const verdict = evaluate(standing, policy, { now, isFrozen, days });
    if (!verdict) return;
    const evidence = { ...evidenceOf(standing, policy.thresholds.windowSize), ...(days && { days: wanted!.days, inDays: days }) };
    const { kind, reason, to } = verdict;
    const changes: NewLevelChange[] = [];
    row.level = to;
    if (kind === 'demotion') {
      await dropOverride(db, agentId, row, { above: to, reason, now });
      if (wildcard && overrideOf(wildcard, now) !== null && wildcard.override_level! > to) {
        changes.push({ agentId, actionClass: ANY_CLASS, kind, from: wildcard.override_level!, to: 0, reason, evidence: { actionClass: row.action_class, ...evidence }, policyVersion: policy.version });
        await dropOverride(db, agentId, wildcard, { above: to, reason, now });
        await updateStanding(db, agentId, wildcard);
      }
    }
    restart(row, now, false);
    changes.push({ agentId, actionClass: row.action_class, kind, from, to: inForce(row, wildcard, now), reason, evidence, policyVersion: policy.version });
    await insertLevelChanges(db, changes, now);
  }
}

/** What was earned, where a change says what is in force. */
const earnedBy = (from: number, row: StandingRow): { earnedFrom: TrustLevel; earnedTo: TrustLevel } => ({ earnedFrom: TRUST_LEVELS[from]!, earnedTo: TRUST_LEVELS[row.level]! });

function restart(row: StandingRow, now: Date, forgetting: boolean): void {
  row.judged_since_change = 0;
  row.changed_at = now;
  if (forgetting) row.judgements = [];
}

/** Takes the override of a locked standing: another one, or the earned level, is in force again. */
function ended(row: StandingRow, wildcard: StandingRow | undefined, kind: 'override_lifted' | 'override_expired', now: Date): Pick<NewLevelChange, 'actionClass' | 'kind' | 'from' | 'to' | 'reason' | 'evidence'> {
  const [from, overrideId] = [row.override_level!, row.override_id!];
  clearOverride(row);
  restart(row, now, false);
  const reason = kind === 'override_lifted' ? 'The override was lifted' : 'The override is over';
  return { actionClass: row.action_class, kind, from, to: inForce(row, wildcard, now), reason, evidence: { overrideId } };
}

function clearOverride(row: StandingRow): void {
  row.override_id = null;
  row.override_level = null;
  row.override_expires_at = null;
}

/** Ends an override that allows more than a level. */
async function dropOverride(db: Sql, agentId: string, row: StandingRow, { above, reason, now }: { above: number; reason: string; now: Date }): Promise<void> {
  if (row.override_id === null || row.override_level! <= above) return;
  await endOverride(db, row.override_id, agentId, reason, now);
  clearOverride(row);
}
