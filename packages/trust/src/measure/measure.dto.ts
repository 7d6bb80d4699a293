import { IsIn, IsOptional, IsString, Length, Matches } from 'class-validator';
import { TRUST_LEVELS, type TrustLevel } from '@agent-hive/agents';
import { RISKS, type Risk } from '@agent-hive/audit';
import { iso } from '@agent-hive/kernel';
import { IsLine, IsMoment, oneOfMessage } from '@agent-hive/kernel/http';
import { ANY_CLASS } from '../gate/gate.js';
import type { Freeze } from './freeze.entity.js';
import type { Incident } from './incident.entity.js';
import type { Override } from './override.entity.js';

/** A level in place of the earned one. */
export class CreateOverrideDto {
  /** The action class; every class by default. */
  @IsOptional()
  @IsLine()
  @Length(1, 100)
  @Matches(/^[^*]/, { message: 'actionClass must name one class; leave it out for all' })
  actionClass?: string | null;

  @IsIn(TRUST_LEVELS, oneOfMessage)
  level: TrustLevel;

  /** Why; it is part of the record. */
  @IsString()
  @Length(1, 1000)
  reason: string;

  /** When the earned level holds again (RFC 3339), a moment to come. */
  @IsMoment()
  expiresAt: string;
}

/** An override. */
export class OverrideDto {
  id: string;
  agentId: string;
  /** Null for every class. */
  actionClass: string | null;
  level: TrustLevel;
  reason: string;
  expiresAt: string;
  /** When it was lifted, replaced, or lost by what the agent did. */
  endedAt: string | null;
  endReason: string | null;
  createdBy: string;
  createdAt: string;

  static of(override: Override): OverrideDto {
    return {
      id: override.id,
      agentId: override.agent.id,
      actionClass: override.actionClass === ANY_CLASS ? null : override.actionClass,
      level: TRUST_LEVELS[override.level]!,
      reason: override.reason,
      expiresAt: iso(override.expiresAt),
      endedAt: iso(override.endedAt ?? null),
      endReason: override.endReason ?? null,
      createdBy: override.createdByName,
      createdAt: iso(override.createdAt),
    };
  }
}

/** Why, and until when, no level of an agent rises. */
export class CreateFreezeDto {
  @IsString()
  @Length(1, 1000)
  reason: string;

  /** When it ends by itself (RFC 3339), a moment to come; never by default. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** A freeze. */
export class FreezeDto {
  id: string;
  agentId: string;
  reason: string;
  expiresAt: string | null;
  liftedAt: string | null;
  liftedBy: string | null;
  createdBy: string;
  createdAt: string;

  static of(freeze: Freeze): FreezeDto {
    return {
      id: freeze.id,
      agentId: freeze.agent.id,
      reason: freeze.reason,
      expiresAt: iso(freeze.expiresAt ?? null),
      liftedAt: iso(freeze.liftedAt ?? null),
      liftedBy: freeze.liftedByName ?? null,
      createdBy: freeze.createdByName,
      createdAt: iso(freeze.createdAt),
    };
  }
}

/** What went wrong by an agent. */
export class CreateIncidentDto {
  /** `critical` takes all of its trust at once, `high` a level of each class; others are kept. */
  @IsIn(RISKS, oneOfMessage)
  severity: Risk;

  @IsString()
  @Length(1, 5000)
  description: string;
}

/** An incident. */
export class IncidentDto {
  id: string;
  agentId: string;
  severity: Risk;
  description: string;
  reportedBy: string;
  createdAt: string;

  static of(incident: Incident): IncidentDto {
    const { id, severity, description } = incident;
    return { id, agentId: incident.agent.id, severity, description, reportedBy: incident.reportedByName, createdAt: iso(incident.createdAt) };
  }
}
