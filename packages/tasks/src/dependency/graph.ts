import { Refused } from '@agent-hive/kernel';

/** The refusal of an edge that closes a cycle; `path` begins and ends with the same task. */
export const refuseCycle = (path: readonly string[], pointer?: string): Refused =>
  new Refused(`This would make tasks wait for each other: ${path.join(' -> ')}`, 'dependency-cycle', { path, ...(pointer !== undefined && { pointer }) });
