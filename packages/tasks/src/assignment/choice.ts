import type { MatchItemDto } from '@agent-hive/agents';
import type { DurationRow } from '../estimate/estimate.dto.js';
import type { CandidateDto } from './assignment.dto.js';

/** What an agent must be, as far as it shows in a reason. */
export interface Wanted {
  capabilities: readonly string[];
  agentType?: string;
  risk: string | null;
  /** Ids of those whose trust lets them claim the task. */
  trusted: ReadonlySet<string>;
}

/** Who is to do a task, or null; why; and what is missing when it is nobody. */
export interface Choice {
  chosen: MatchItemDto | null;
  reason: string;
  missing: MissingCapability[];
}

/** A required capability that keeps candidates from being chosen. */
export interface MissingCapability {
  capability: string;
  /** How many candidates lack it. */
  lackedBy: number;
}

/** A match as it is recorded, with how long its own attempts took. */
export function candidateOf({ agent, score, reasons }: MatchItemDto, figures: readonly DurationRow[], trusted: ReadonlySet<string>): CandidateDto {
  const own = figures.find((row) => row.grouping === 'agent' && row.member === agent.id);
  return { agentId: agent.id, name: agent.name, score, reasons: { ...reasons }, isTrusted: trusted.has(agent.id), predictedDurationMs: rounded(own?.p50_ms), samples: own?.samples ?? 0 };
}

/** Whole milliseconds; null when they are not known. */
export const rounded = (ms: number | null | undefined): number | null => (ms == null ? null : Math.round(ms));

/** Chooses the first of the candidates that has all required capabilities and is trusted with the task; they come best first. */
export function choose(candidates: readonly MatchItemDto[], wanted: Wanted): Choice {
  const { capabilities, risk, trusted } = wanted;
  const able = candidates.filter(({ reasons }) => reasons.capabilities.missing.length === 0);
  const fitting = able.filter(({ agent }) => trusted.has(agent.id));
  const [chosen] = fitting;
  if (!chosen && able.length > 0) return { chosen: null, missing: [], reason: `none of ${able.length} candidates is trusted with a task of ${risk} risk` };
  if (!chosen) return nobody(candidates, wanted);
  const among = capabilities.length === 0 ? `${fitting.length} candidates` : `${fitting.length} candidates with all of ${capabilities.join(', ')}`;
  return { chosen, reason: `${chosen.agent.name} has the highest score (${chosen.score}) of ${among}`, missing: [] };
}

function nobody(candidates: readonly MatchItemDto[], { capabilities, agentType }: Wanted): Choice {
  const kind = `active agent with enhanced features${agentType === undefined ? '' : ` and of type ${agentType}`}`;
  const lackedBy = (name: string): number => candidates.filter(({ reasons }) => reasons.capabilities.missing.includes(name)).length;
  const missing = capabilities.map((capability) => ({ capability, lackedBy: lackedBy(capability) })).filter((one) => one.lackedBy > 0 || candidates.length === 0);
  if (candidates.length === 0) return { chosen: null, missing, reason: capabilities.length === 0 ? `there is no ${kind}` : `no ${kind} has any of ${capabilities.join(', ')}` };
  const lacking = missing.map((one) => `${one.capability} (in ${one.lackedBy})`).join(', ');
  return { chosen: null, missing, reason: `none of ${candidates.length} candidates has all of ${capabilities.join(', ')}: missing are ${lacking}` };
}
