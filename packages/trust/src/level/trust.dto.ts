import { TRUST_LEVELS, type TrustLevel } from '@agent-hive/agents';
import { iso } from '@agent-hive/kernel';
import { FreezeDto } from '../measure/measure.dto.js';
import { TrustMetricDto } from '../metric/trust-metric.dto.js';
import { ANY_CLASS } from '../gate/gate.js';
import { calibrationIn, evidenceOf } from './evaluation.js';
import type { ChangeKind } from './level-change.entity.js';
import { inForce, overrideOf, type LevelChangeRow, type StandingRow } from './standing.sql.js';

/** One bin of the reliability diagram. */
export class CalibrationBinDto {
  /** Confidences from here, */
  from: number;
  /** to below here; the last bin holds 1 too. */
  to: number;
  samples: number;
  /** Mean of what was stated; null without a sample. */
  confidence: number | null;
  /** Share that was approved; null without a sample. */
  accuracy: number | null;
}

/** How well stated confidences agree with what people said. */
export class CalibrationDto {
  /** Judged decisions with a stated confidence. */
  samples: number;
  /** Mean squared difference, 0 is best; null without a sample. */
  brierScore: number | null;
  /** Mean distance of confidence and accuracy over ten bins, 0 is best; null without a sample. */
  expectedCalibrationError: number | null;
  bins: CalibrationBinDto[];
}

/** How sure the hive is that a decision of the class is approved, from those that were judged. */
export class ConfidenceDto {
  /** Judged decisions in the window. */
  samples: number;
  approved: number;
  modified: number;
  rejected: number;
  /** Share of approved ones; null without a sample. */
  approvalRate: number | null;
  /** The Wilson 95 % interval of it; `low` is what levels are given by. */
  low: number | null;
  high: number | null;
}

/** A level that holds in place of the earned one. */
export class OverrideInForceDto {
  id: string;
  level: TrustLevel;
  expiresAt: string;
}

/** How far an agent is trusted in one action class. */
export class ClassTrustDto {
  /** Null for what holds in every class: an override. */
  actionClass: string | null;
  /** Earned. */
  level: TrustLevel;
  /** In force, overrides and an emergency stop in it. */
  effectiveLevel: TrustLevel;
  override: OverrideInForceDto | null;
  confidence: ConfidenceDto;
  calibration: CalibrationDto;
  /** Decisions judged, ever. */
  judgedCount: number;
  approvedCount: number;
  /** Decisions judged since the last change of the level. */
  judgedSinceChange: number;
  changedAt: string;

  static of(row: StandingRow, wildcard: StandingRow | undefined, { isStopped, windowSize, now }: { isStopped: boolean; windowSize: number; now: Date }): ClassTrustDto {
    const { samples, approved, modified, rejected, approvalRate, low, high } = evidenceOf({ window: row.judgements, judgedSinceChange: row.judged_since_change }, windowSize);
    const override = overrideOf(row, now);
    return {
      actionClass: row.action_class === ANY_CLASS ? null : row.action_class,
      level: TRUST_LEVELS[row.level]!,
      effectiveLevel: TRUST_LEVELS[isStopped ? 0 : inForce(row, wildcard, now)]!,
      override: override === null ? null : { id: row.override_id!, level: TRUST_LEVELS[override]!, expiresAt: iso(row.override_expires_at!) },
      confidence: { samples, approved, modified, rejected, approvalRate, low, high },
      calibration: calibrationIn(row.judgements.slice(-windowSize)),
      judgedCount: row.judged_count,
      approvedCount: row.approved_count,
      judgedSinceChange: row.judged_since_change,
      changedAt: iso(row.changed_at),
    };
  }
}

/** The policy by which levels are given. */
export class PolicyInForceDto {
  name: string;
  version: number;
}

/** How far an agent is trusted. */
export class AgentTrustDto {
  agentId: string;
  /** The highest level in force in any class: what a new session of the agent begins with. */
  effectiveLevel: TrustLevel;
  isEmergencyStopped: boolean;
  policy: PolicyInForceDto;
  /** By class; a class that is not listed is at L0, unless an override holds in every class. */
  classes: ClassTrustDto[];
  /** Freezes in force: while there is one, no level rises. */
  freezes: FreezeDto[];
  /** The last measurement of each type. */
  metrics: TrustMetricDto[];
}

/** One change of a level in force. */
export class LevelChangeDto {
  id: string;
  agentId: string;
  /** Null for every class. */
  actionClass: string | null;
  kind: ChangeKind;
  from: TrustLevel;
  to: TrustLevel;
  reason: string;
  /** Counts, window and metrics, or what was decided. */
  evidence: Record<string, unknown>;
  /** 0 is the preset of a tenant that has set no policy. */
  policyVersion: number;
  decidedByType: string;
  decidedById: string | null;
  decidedBy: string;
  createdAt: string;

  static of(row: LevelChangeRow): LevelChangeDto {
    return {
      id: row.id,
      agentId: row.agent_id,
      actionClass: row.action_class === ANY_CLASS ? null : row.action_class,
      kind: row.kind,
      from: TRUST_LEVELS[row.from_level]!,
      to: TRUST_LEVELS[row.to_level]!,
      reason: row.reason,
      evidence: row.evidence,
      policyVersion: row.policy_version,
      decidedByType: row.decided_by_type,
      decidedById: row.decided_by_id,
      decidedBy: row.decided_by_name,
      createdAt: iso(row.created_at),
    };
  }
}

/** A page of changes, newest first. */
export class LevelChangePage {
  items: LevelChangeDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all changes, when asked for. */
  total?: number;
}
