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

/** Means of a metric (null: the durations of work) within a window, by what they are of. */
type Means = (metricName: string | null, window: WorkWindow) => Promise<Observed[]>;

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
    const means = once((metricName, window) => this.means(metricName, window)); // rules may share a metric and a window
    let opened = 0;
    for (const rule of rules.filter(({ isEnabled }) => isEnabled)) {
      const findings = await this.findings(rule, means, now);
      if (findings.length > 0) opened += await tenantStatement(this.em, (db) => insertSuggestions(db, findings, now));
    }
    return { opened, measured: await this.measure(now) };
  }

  private async findings(rule: ReviewRuleDto, means: Means, now: Date): Promise<Finding[]> {
    const window = { from: new Date(now.getTime() - rule.windowHours * HOUR_MS), to: now };
    return rule.kind === 'repeated_errors' ? this.repeated(rule, window) : this.slower(rule, means, window);
  }

  private async repeated(rule: ReviewRuleDto, window: WorkWindow): Promise<Finding[]> {
    const found = (await this.hooks.workErrors.run(window, { above: rule.threshold })).flat();
    const findings: Finding[] = [];
    for (const { error, count, subjectType, subjectIds } of found) {
      const subject = subjectOf(subjectType, error);
      const entryIds = await tenantRead(this.em, (db) => selectEntryIds(db, subjectType, subjectIds, window, EXAMPLES));
      const description = `${count} times in ${rule.windowHours} h a ${subjectType} failed with "${error}": repair its cause, or make the error one that is not repeated.`;
      findings.push(this.finding(rule, subject, description, { observed: figure(count, count, window), baseline: null, limit: rule.threshold, entryIds }));
    }
    return findings;
  }

  private async slower(rule: ReviewRuleDto, means: Means, window: WorkWindow): Promise<Finding[]> {
    const before = { from: new Date(window.from.getTime() - rule.baselineDays! * 24 * HOUR_MS), to: window.from };
    const enough = ({ count }: Observed) => count >= rule.minSamples;
    const baselines = new Map((await means(rule.metricName, before)).filter(enough).map((baseline) => [baseline.subject, baseline]));
    return (await means(rule.metricName, window)).filter(enough).flatMap((observed) => {
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

  /** Measures what was implemented long enough ago. A mean of too few values is waited for, for one more window. */
  private async measure(now: Date): Promise<number> {
    let measured = 0;
    for (let after: string | undefined; ; ) {
      const due = await tenantRead(this.em, (db) => selectUnmeasured(db, now, after, BATCH));
      for (const suggestion of due) {
        const effect = await this.effectOf(suggestion, now);
        if (effect === null) continue;
        if (await tenantStatement(this.em, (db) => storeEffect(db, suggestion.id, verdictOn(suggestion.evidence, effect), effect, now))) measured++;
      }
      if (due.length < BATCH) return measured;
      after = due.at(-1)!.id;
    }
  }

  /** The figure of a suggestion since it was implemented, over a window of the same length. Null while there is something to wait for. */
  private async effectOf({ evidence, implemented_at }: SuggestionRow, now: Date): Promise<Effect | null> {
    const { kind, metricName, subject, limit, observed, minSamples, windowHours } = evidence;
    const from = new Date(implemented_at!);
    const after = (windows: number): WorkWindow => ({ from, to: new Date(from.getTime() + windows * windowHours * HOUR_MS) });
    if (kind === 'repeated_errors') return { before: observed, after: await this.errorsOf(subject, after(1)), limit };
    const mean = await this.meanOf(metricName, subject, after(1));
    if (mean.count >= minSamples) return { before: observed, after: mean, limit };
    const longer = after(2);
    const isLast = longer.to <= now;
    const later = await this.meanOf(metricName, subject, isLast ? longer : { from, to: now });
    return isLast || later.count >= minSamples ? { before: observed, after: later, limit } : null;
  }

  private async errorsOf(subject: string, window: WorkWindow): Promise<Figure> {
    const error = subject.slice(subject.indexOf(': ') + 2);
    const found = (await this.hooks.workErrors.run(window, { above: 0, error })).flat();
    const count = found.find(({ subjectType }) => subjectOf(subjectType, error) === subject)?.count ?? 0;
    return figure(count, count, window);
  }

  private async meanOf(metricName: string | null, subject: string, window: WorkWindow): Promise<Figure> {
    const found = (await this.means(metricName, window, subject)).find((mean) => mean.subject === subject);
    return found ? plain(found) : figure(0, 0, window);
  }

  /** Means within a window, by kind of work or by subject of the metric: of all, or of one. */
  private async means(metricName: string | null, window: WorkWindow, only?: string): Promise<Observed[]> {
    if (metricName === null) {
      const durations = (await this.hooks.workDurations.run(window, only)).flat();
      return durations.map(({ kind, count, meanMs }) => ({ subject: kind, ...figure(meanMs, count, window) }));
    }
    const space = only?.lastIndexOf(' '); // an id has none
    const of = only === undefined ? {} : { subjectType: only.slice(0, space), subjectId: only.slice(space! + 1) };
    const means = await tenantRead(this.em, (db) => selectMeans(db, { name: metricName, ...of, ...window }));
    return means.map(({ subjectType, subjectId, count, mean }) => ({ subject: `${subjectType} ${subjectId}`, ...figure(mean, count, window) }));
  }
}

/** No errors at all are a success, no values are none. */
const verdictOn = ({ kind, minSamples }: Evidence, { after, limit }: Effect): 'verified' | 'no_effect' =>
  after.value <= limit && (kind === 'repeated_errors' || after.count >= minSamples) ? 'verified' : 'no_effect';

function once(read: Means): Means {
  const known = new Map<string, Promise<Observed[]>>();
  return (metricName, window) => {
    const key = JSON.stringify([metricName, window]);
    const found = known.get(key) ?? read(metricName, window);
    known.set(key, found);
    return found;
  };
}

const subjectOf = (subjectType: string, error: string): string => `${subjectType}: ${error}`;

const figure = (value: number, count: number, { from, to }: WorkWindow): Figure => ({ value, count, from: from.toISOString(), to: to.toISOString() });

const plain = ({ value, count, from, to }: Observed): Figure => ({ value, count, from, to });

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
