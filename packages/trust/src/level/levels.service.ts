import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { TRUST_LEVELS, type TrustLevel } from '@agent-hive/agents';
import type { Risk } from '@agent-hive/audit';
import { isForeignKeyViolation, NotFound, oneTransaction, tenantSql, type Sql } from '@agent-hive/kernel';
import { ANY_CLASS } from '../gate/gate.js';
import { evaluate, evidenceOf, type Judgement, type Standing } from './evaluation.js';
import {
  countJudged, endOverride, inForce, insertLevelChanges, lockInactive, lockLapsedOverrides, lockStanding, lockStandings, overrideOf, selectGrounds, selectStandings, sumJudged, updateStanding,
  type Grounds, type NewLevelChange, type StandingRow,
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

  /** Counts a judged decision, and moves the level if the policy says so; returns the figures that followed. To be called in the transaction of the feedback. */
  async judge(agentId: string, actionClass: string, judgement: Judgement, now: Date): Promise<{ level: TrustLevel; standing: StandingRow }> {
    return tenantSql(this.em, async (db) => {
      const { row, wildcard } = await lockStanding(db, agentId, actionClass, now);
      const grounds = await selectGrounds(db, agentId, now);
      row.judgements = [...row.judgements, judgement].slice(-grounds.policy.thresholds.windowSize);
      row.judged_since_change++;
      row.judged_count++;
      row.approved_count += Number(judgement[0] === 1);
      row.active_at = now;
      await countJudged(db, agentId, actionClass, judgement[0], now);
      await this.move(db, { agentId, row, wildcard, grounds, now });
      await updateStanding(db, agentId, row);
      return { level: TRUST_LEVELS[inForce(row, wildcard, now)]!, standing: row };
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

  /** Puts an override in force, in place of an earlier one of the class. Throws NotFound on the agent. */
  async override({ id, agentId, actionClass, level, reason, expiresAt }: OverrideOrder, now: Date): Promise<void> {
    await tenantSql(this.em, async (db) => {
      const { row, wildcard } = await lockStanding(db, agentId, actionClass, now).catch((error: unknown) => {
        if (isForeignKeyViolation(error)) throw new NotFound('agent', agentId);
        throw error;
      });
      const from = inForce(row, wildcard, now);
      const { policy } = await selectGrounds(db, agentId, now);
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
      await this.end(db, { agentId, row, wildcard: rows.find((standing) => standing.action_class === ANY_CLASS), kind: 'override_lifted', now });
      return true;
    });
  }

  /** Ends overrides whose time is over, and takes levels of agents that were not judged for long; returns how many. Safe to run twice. */
  async sweep(now = new Date()): Promise<number> {
    return (await this.each(() => this.expireOverrides(now))) + (await this.each(() => this.demoteInactive(now)));
  }

  /** The highest level that an agent has in force: what its sessions begin with. */
  async highest(agentId: string, now = new Date()): Promise<number> {
    return tenantSql(this.em, async (db) => {
      const rows = await selectStandings(db, agentId);
      const wildcard = rows.find((row) => row.action_class === ANY_CLASS);
      return Math.max(0, ...rows.map((row) => inForce(row, wildcard, now)));
    });
  }

  private async each(work: () => Promise<number>): Promise<number> {
    for (let total = 0; ; ) {
      const count = await oneTransaction(this.em, work);
      total += count;
      if (count === 0) return total;
    }
  }

  private async expireOverrides(now: Date): Promise<number> {
    return tenantSql(this.em, async (db) => {
      const lapsed = await lockLapsedOverrides(db, now);
      for (const { agent_id: agentId, ...row } of lapsed) await this.end(db, { agentId, row, wildcard: undefined, kind: 'override_expired', now });
      return lapsed.length;
    });
  }

  private async demoteInactive(now: Date): Promise<number> {
    return tenantSql(this.em, async (db) => {
      const { policy } = await selectGrounds(db, ANYBODY, now);
      const days = policy.thresholds.inactivityDays;
      const idle = await lockInactive(db, new Date(now.getTime() - days * DAY_MS));
      for (const { agent_id: agentId, ...row } of idle) {
        const [from, evidence] = [row.level, { activeAt: row.active_at, inactivityDays: days }];
        row.level--;
        restart(row, now, false);
        row.active_at = now;
        await updateStanding(db, agentId, row);
        await insertLevelChanges(db, [{ agentId, actionClass: row.action_class, kind: 'inactivity', from, to: row.level, reason: `No decision was judged for ${days} days`, evidence, policyVersion: policy.version }], now);
      }
      return idle.length;
    });
  }

  /** Ends the override of a locked standing: the earned level is in force again. */
  private async end(db: Sql, { agentId, row, wildcard, kind, now }: { agentId: string; row: StandingRow; wildcard: StandingRow | undefined; kind: 'override_lifted' | 'override_expired'; now: Date }): Promise<void> {
    const [from, overrideId] = [row.override_level!, row.override_id!];
    const { policy } = await selectGrounds(db, agentId, now);
    if (kind === 'override_lifted') await endOverride(db, overrideId, agentId, 'lifted', now);
    clearOverride(row);
    restart(row, now, false);
    await updateStanding(db, agentId, row);
    const to = inForce(row, wildcard === row ? undefined : wildcard, now);
    await insertLevelChanges(db, [{ agentId, actionClass: row.action_class, kind, from, to, reason: kind === 'override_lifted' ? 'The override was lifted' : 'The override is over', evidence: { overrideId }, policyVersion: policy.version }], now);
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

/** No agent: of the grounds, only the policy is wanted. */
const ANYBODY = '00000000-0000-0000-0000-000000000000';

/** What was earned, where a change says what is in force. */
const earnedBy = (from: number, row: StandingRow): { earnedFrom: TrustLevel; earnedTo: TrustLevel } => ({ earnedFrom: TRUST_LEVELS[from]!, earnedTo: TRUST_LEVELS[row.level]! });

function restart(row: StandingRow, now: Date, forgetting: boolean): void {
  row.judged_since_change = 0;
  row.changed_at = now;
  if (forgetting) row.judgements = [];
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
