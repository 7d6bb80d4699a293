import { hash } from 'node:crypto';
import type { Risk } from '@agent-hive/audit';

/** What a task asks of whoever claims it. */
export interface Demands {
  /** Sorted, each once. */
  requiredCapabilities: readonly string[];
  actionClass: string | null;
  risk: Risk | null;
  /** Whether other tasks wait for its start, so that a claim has more to do. */
  isStartLinked: boolean;
}

/**
 * Tasks with the same demands form a lane, so that a claim looks at one task of each lane and never at thousands that the
 * agent may not do. The lane is 128 bits of a digest, in the form of a UUID since that is the smallest index key.
 */
export function laneOf({ requiredCapabilities, actionClass, risk, isStartLinked }: Demands): string {
  const hex = hash('sha256', JSON.stringify([requiredCapabilities, actionClass, risk, isStartLinked]));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** The demands of a row. */
export const demandsOf = (row: { required_capabilities: readonly string[]; action_class: string | null; risk: Risk | null; is_start_linked: boolean }): Demands => ({
  requiredCapabilities: row.required_capabilities,
  actionClass: row.action_class,
  risk: row.risk,
  isStartLinked: row.is_start_linked,
});

/** Whom a task is reserved for that everybody may claim: in an index, null would need a query of its own. */
export const ANYONE = '00000000-0000-0000-0000-000000000000';
