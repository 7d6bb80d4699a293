import { Injectable } from '@nestjs/common';
import { ACTIVE_STATUSES } from '../presence/presence.entity.js';
import { InsightsProvider, type AgentSignals, type Insights, type InsightsRequest } from './insights.provider.js';
import { proportion, round, trend } from './statistics.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Share of the parts in the overall score; a part without samples is left out and the others are scaled up. */
const SHARES = { availability: 0.4, success: 0.5, stability: 0.1 };

/** Errors per day that bring stability to one half. */
const HALF_STABILITY_ERRORS_PER_DAY = 2;

/**
 * The default provider: computed from what the hive recorded, and nothing else.
 *
 *   availability  share of the window in active, idle or busy (time before the first status is no part of the window)
 *   success       lower end of the 95 % interval of the share of finished work that succeeded: few samples count little
 *   stability     1 / (1 + errors per day / 2)
 *
 * `overall_score` is their weighted mean, 0 to 100. `efficiency_score` is the share of available time spent busy, times
 * availability; agents that never say `busy` are rated by availability alone.
 */
@Injectable()
export class RecordedInsightsProvider extends InsightsProvider {
  readonly name = 'recorded';

  async analyze({ signals, includePredictions }: InsightsRequest): Promise<Insights> {
    const seconds = secondsByStatus(signals);
    const observed = sum(Object.values(seconds));
    const available = sum(ACTIVE_STATUSES.map((status) => seconds[status] ?? 0));
    const availability = observed > 0 ? available / observed : null;
    const errors = signals.spans.filter((span) => span.status === 'error').length;
    const errorsPerDay = observed > 0 ? errors / Math.max(observed / 86_400, 1) : 0;
    const work = signals.workload;
    const success = work ? proportion(work.succeededCount, work.succeededCount + work.failedCount) : null;
    const daily = dailyAvailability(signals);
    return {
      provider: this.name,
      efficiency_score: round(100 * efficiency(availability, seconds.busy ?? 0, available)),
      performance_metrics: {
        overall_score: overallScore(availability, success?.low ?? null, 1 / (1 + errorsPerDay / HALF_STABILITY_ERRORS_PER_DAY)),
        availability: availability === null ? null : round(availability),
        errors_per_day: round(errorsPerDay),
        success_rate: success,
        mean_duration_ms: work?.meanDurationMs ?? null,
        p95_duration_ms: work?.p95DurationMs ?? null,
        open_work: work?.openCount ?? null,
      },
      learning_data: {
        seconds_by_status: Object.fromEntries(Object.entries(seconds).map(([status, value]) => [status, Math.round(value)])),
        daily_availability: daily,
        heartbeats: signals.heartbeatCount,
        observed_seconds: Math.round(observed),
        window_seconds: signals.windowSeconds,
      },
      optimizations: suggestions(signals, availability, success),
      ...(includePredictions && { predictions: { availability_trend_per_day: trend(daily) } }),
    };
  }
}

function secondsByStatus({ spans }: AgentSignals): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const span of spans) seconds[span.status] = (seconds[span.status] ?? 0) + (span.to.getTime() - span.from.getTime()) / 1000;
  return seconds;
}

/** Availability of each day back from the end of the window, oldest first. A day of which less than an hour is known would weigh like a whole one, so it is left out. */
function dailyAvailability({ spans, until }: AgentSignals): number[] {
  const days = new Map<number, { available: number; all: number }>();
  for (const span of spans) {
    for (let at = span.from.getTime(); at < span.to.getTime(); ) {
      const age = Math.floor((until.getTime() - at - 1) / DAY_MS);
      const end = Math.min(span.to.getTime(), until.getTime() - age * DAY_MS);
      const day = days.get(age) ?? { available: 0, all: 0 };
      day.all += end - at;
      if ((ACTIVE_STATUSES as readonly string[]).includes(span.status)) day.available += end - at;
      days.set(age, day);
      at = end;
    }
  }
  return [...days]
    .filter(([, day]) => day.all >= HOUR_MS)
    .sort(([a], [b]) => b - a)
    .map(([, day]) => round(day.available / day.all));
}

function efficiency(availability: number | null, busySeconds: number, availableSeconds: number): number {
  if (availability === null) return 0;
  return busySeconds > 0 ? availability * (busySeconds / availableSeconds) : availability;
}

function overallScore(availability: number | null, success: number | null, stability: number): number {
  const parts: [number | null, number][] = [
    [availability, SHARES.availability],
    [success, SHARES.success],
    [availability === null ? null : stability, SHARES.stability],
  ];
  const known = parts.filter((part): part is [number, number] => part[0] !== null);
  const share = sum(known.map(([, weight]) => weight));
  return share === 0 ? 0 : Math.round((100 * sum(known.map(([value, weight]) => value * weight))) / share);
}

function suggestions(signals: AgentSignals, availability: number | null, success: { high: number; value: number; samples: number } | null): string[] {
  const found: string[] = [];
  const stale = signals.spans.filter((span) => span.reason === 'stale_heartbeat').length;
  if (stale > 0) found.push(`Heartbeats stopped ${stale} times in the window: send them more often than the stale limit, or look at what stops the agent`);
  if (availability !== null && availability < 0.9) found.push(`Available ${Math.round(availability * 100)} % of the observed time: look at its errors and shutdowns`);
  if (success && success.samples >= 10 && success.high < 0.8) found.push(`${Math.round(success.value * 100)} % of ${success.samples} pieces of work succeeded: give it simpler work or another instruction`);
  if (signals.lastHeartbeatAt === null) found.push('No heartbeat was ever received: without them a dead agent is not noticed');
  if ((signals.workload?.openCount ?? 0) > 10) found.push(`${signals.workload!.openCount} pieces of work are open: spread them over more agents`);
  return found;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
