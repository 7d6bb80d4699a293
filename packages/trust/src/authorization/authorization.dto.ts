import { IsIn, IsObject, IsOptional, IsUUID, Length, Matches } from 'class-validator';
import type { TrustLevel } from '@agent-hive/agents';
import { RISKS, type Risk } from '@agent-hive/audit';
import { IsLine, MaxJsonBytes, oneOfMessage } from '@agent-hive/kernel/http';
import type { Outcome } from '../decision/decision.entity.js';

/** What an agent is about to do. */
export class AuthorizeDto {
  /** The agent that would do it; an agent asks for itself only. */
  @IsUUID()
  agentId: string;

  /** Class of the action, such as `code_generation` or `deploy`: levels are earned by class. */
  @IsLine()
  @Length(1, 100)
  @Matches(/^[^*]/, { message: 'action must name one class' })
  action: string;

  /** How much could go wrong by it. */
  @IsIn(RISKS, oneOfMessage)
  risk: Risk;

  /** Everything that the action depends on: an approval is bound to it. At most 64 KiB as JSON. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  details?: Record<string, unknown> | null;

  /** The session in which it would be done: its level is a ceiling. */
  @IsOptional()
  @IsUUID()
  sessionId?: string | null;

  /** The tool that would be used: the agent must have a grant, and the risk is at least the tool's security level. */
  @IsOptional()
  @IsUUID()
  toolId?: string | null;
}

/** Whether an action may be done. */
export class AuthorizationDto {
  outcome: Outcome;
  /** Why, in words. */
  reason: string;
  /** The level that it was judged by. */
  level: TrustLevel;
  /** The approval that is waited for, that was used up for it, or that was refused; null when none was needed. */
  interactionId: string | null;
}
