import { wilson } from '@agent-hive/agents';
import { iso } from '@agent-hive/kernel';

/** Between which bounds the true rate is, with 95 % confidence (Wilson). */
export class IntervalDto {
  low: number;
  high: number;
}

/** How an item did where it was used. */
export class SuccessDto {
  usageCount: number;
  /** Share of uses that helped, 0 to 1, to two places; null while it was never used. */
  successRate: number | null;
  successInterval: IntervalDto | null;
  lastUsedAt: string | null;

  static from(row: { usage_count: number; helpful_count: number; last_used_at: Date | string | null }): SuccessDto {
    return {
      usageCount: row.usage_count,
      successRate: successRate(row),
      successInterval: wilson(row.helpful_count, row.usage_count),
      lastUsedAt: iso(row.last_used_at),
    };
  }
}

/** Share of uses that helped, to two places. */
export const successRate = (row: { usage_count: number; helpful_count: number }): number | null =>
  row.usage_count === 0 ? null : Math.round((100 * row.helpful_count) / row.usage_count) / 100;
