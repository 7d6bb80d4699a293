import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantRead, tenantStatement } from '@agent-hive/kernel';
import { AuditHooks } from '../audit.hooks.js';
import { selectMeans } from '../metric/metric.sql.js';
import type { Effect, Evidence, Figure } from './evidence.js';
import type { ReviewRuleDto } from './review-rule.dto.js';
import { ReviewRulesService } from './review-rules.service.js';
import { insertSuggestions, selectEntryIds, selectUnmeasured, storeEffect, type Finding } from './suggestion.sql.js';
import type { SuggestionRow } from './suggestion.dto.js';
import type { WorkWindow } from './work.js';

const HOUR_MS = 3_600_000;
const EXAMPLES = 5;
const BATCH = 100;

/** A figure of one subject. */
interface Observed extends Figure {
  subject: string;
}

/** What a figure is looked up by, in a rule and in the evidence of a suggestion alike. */
type Measure = Pick<Evidence, 'kind' | 'metricName'>;

/**
 * The hive looks at what its agents did, by the rules of the tenant: what breaks one becomes a suggestion, and what was done
 * about a suggestion is measured by the same figure. Safe to run twice: a live suggestion is not made again, and the first
 * measurement stands.
 */
@Injectable()
export class ReviewsService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
    private readonly rules: ReviewRulesService,
  ) {}

  /** Looks at the running tenant's last hours, by each rule; returns how many suggestions were opened and how many were measured. */
  async review(now = new Date()): Promise<{ opened: number; measured: number }> {
    const { items: rules } = await this.rules.list();
    let opened = 0;
    for (const rule of rules.filter(({ isEnabled }) => isEnabled)) {
      const findings = await this.findings(rule, now);
      if (findings.length > 0) opened += await tenantStatement(this.em, (db) => insertSuggestions(db, findings, now));
    }
    return { opened, measured: await this.measure(now) };
  }

  private async findings(rule: ReviewRuleDto, now: Date): Promise<Finding[]> {
    const window = { from: new Date(now.getTime() - rule.windowHours * HOUR_MS), to: now };
    return rule.kind === 'repeated_errors' ? this.repeated(rule, window) : this.slower(rule, window);
  }

  private async repeated(rule: ReviewRuleDto, window: WorkWindow): Promise<Finding[]> {
    const found = (await this.hooks.workErrors.run(this.em, window, rule.threshold)).flat();
    const findings: Finding[] = [];
    for (const { error, count, subjectType, subjectIds } of found) {
      const subject = `${subjectType}: ${error}`;
      const entryIds = await tenantRead(this.em, (db) => selectEntryIds(db, subjectType, subjectIds, window, EXAMPLES));
      const description = `${count} times in ${rule.windowHours} h a ${subjectType} failed with "${error}": repair its cause, or make the error one that is not repeated.`;
      findings.push(this.finding(rule, subject, description, { observed: figure(count, count, window), baseline: null, limit: rule.threshold, entryIds }));
    }
    return findings;
  }

  private async slower(rule: ReviewRuleDto, window: WorkWindow): Promise<Finding[]> {
    const before = { from: new Date(window.from.getTime() - rule.baselineDays! * 24 * HOUR_MS), to: window.from };
    const enough = ({ count }: Observed) => count >= rule.minSamples;
    const baselines = new Map((await this.means(rule, before)).filter(enough).map((baseline) => [baseline.subject, baseline]));
    return (await this.means(rule, window)).filter(enough).flatMap((observed) => {
      const baseline = baselines.get(observed.subject);
      const limit = baseline === undefined ? Infinity : baseline.value * rule.threshold;
      if (baseline === undefined || baseline.value <= 0 || observed.value <= limit) return [];
      const { subject } = observed;
      const what = rule.metricName ?? 'The duration in ms';
      const description = `${what} of ${subject} was ${rounded(observed.value)} on average in ${rule.windowHours} h, ${rounded(observed.value / baseline.value)} times the ${rounded(baseline.value)} of the ${rule.baselineDays} days before: look at what has changed.`;
      return [this.finding(rule, subject, description, { observed: plain(observed), baseline: plain(baseline), limit, entryIds: [] })];
    });
  }

  private finding(rule: ReviewRuleDto, subject: string, description: string, found: Pick<Evidence, 'observed' | 'baseline' | 'limit' | 'entryIds'>): Finding {
    const { kind, metricName, windowHours, minSamples } = rule;
    return {
      ruleName: rule.name,
      category: kind === 'repeated_errors' ? 'reliability' : 'performance',
      fingerprint: `${rule.name}\n${metricName ?? ''}\n${subject}`,
      description,
      evidence: { kind, subject, metricName, windowHours, minSamples, ...found },
      impactScore: Math.min(Math.max(1 - found.limit / found.observed.value, 0), 1),
    };
  }

  /** Measures what was implemented long enough ago. A mean of too few values is waited for. */
  private async measure(now: Date): Promise<number> {
    let measured = 0;
    for (let after: string | undefined; ; ) {
      const due = await tenantRead(this.em, (db) => selectUnmeasured(db, now, after, BATCH));
      for (const suggestion of due) {
        const effect = await this.effectOf(suggestion, now);
        if (effect === null) continue;
        const status = effect.after.value <= effect.limit ? 'verified' : 'no_effect';
        if (await tenantStatement(this.em, (db) => storeEffect(db, suggestion.id, status, effect, now))) measured++;
      }
      if (due.length < BATCH) return measured;
      after = due.at(-1)!.id;
    }
  }

  private async effectOf({ evidence, implemented_at }: SuggestionRow, now: Date): Promise<Effect | null> {
    const from = new Date(implemented_at!);
    const { kind, subject, limit, observed, minSamples, windowHours } = evidence;
    if (kind === 'repeated_errors') {
      // As long as the window in which they were counted before.
      const window = { from, to: new Date(from.getTime() + windowHours * HOUR_MS) };
      const errors = (await this.hooks.workErrors.run(this.em, window, 0)).flat();
      const count = errors.find(({ subjectType, error }) => `${subjectType}: ${error}` === subject)?.count ?? 0;
      return { before: observed, after: figure(count, count, window), limit };
    }
    const after = (await this.means(evidence, { from, to: now })).find((mean) => mean.subject === subject);
    return after && after.count >= minSamples ? { before: observed, after: plain(after), limit } : null;
  }

  /** Means within a window, by kind of work or by subject of the metric. */
  private async means({ metricName }: Measure, window: WorkWindow): Promise<Observed[]> {
    if (metricName === null) {
      const durations = (await this.hooks.workDurations.run(this.em, window)).flat();
      return durations.map(({ kind, count, meanMs }) => ({ subject: kind, ...figure(meanMs, count, window) }));
    }
    const means = await tenantRead(this.em, (db) => selectMeans(db, { name: metricName, ...window }));
    return means.map(({ subjectType, subjectId, count, mean }) => ({ subject: `${subjectType} ${subjectId}`, ...figure(mean, count, window) }));
  }
}

const figure = (value: number, count: number, { from, to }: WorkWindow): Figure => ({ value, count, from: from.toISOString(), to: to.toISOString() });

const plain = ({ value, count, from, to }: Observed): Figure => ({ value, count, from, to });

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
