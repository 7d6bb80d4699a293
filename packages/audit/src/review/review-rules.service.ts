import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Invalid, NotFound, Refused, Stale, tenantRead, tenantStatement, type FieldError } from '@agent-hive/kernel';
import { RAW_DAYS } from '../metric/performance-metric.entity.js';
import { ReviewRuleDto, type PutReviewRuleDto, type ReviewRulesDto } from './review-rule.dto.js';
import { BUILT_IN_RULES, type RuleSettings } from './review-rule.entity.js';
import { RULES_MAX, selectRules, upsertRule } from './review-rule.sql.js';

/** A built-in rule by its name; names come from callers, and those of Object.prototype are no rules. */
const builtIn = (name: string): RuleSettings | undefined => (Object.hasOwn(BUILT_IN_RULES, name) ? BUILT_IN_RULES[name] : undefined);

/** What the hive looks for when it reviews itself. */
@Injectable()
export class ReviewRulesService {
  constructor(private readonly em: EntityManager) {}

  /** Every rule by name: the tenant's own, and the built-in ones that it has not changed. */
  async list(): Promise<ReviewRulesDto> {
    const own = (await tenantRead(this.em, (db) => selectRules(db))).map((row) => ReviewRuleDto.of(row));
    const others = Object.entries(BUILT_IN_RULES).filter(([name]) => !own.some((rule) => rule.name === name));
    return { items: [...own, ...others.map(([name, settings]) => ReviewRuleDto.builtIn(name, settings))].sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  /** One rule. Throws NotFound. */
  async get(name: string): Promise<ReviewRuleDto> {
    const [row] = await tenantRead(this.em, (db) => selectRules(db, name));
    if (row) return ReviewRuleDto.of(row);
    const settings = builtIn(name);
    if (!settings) throw new NotFound('review rule', name);
    return ReviewRuleDto.builtIn(name, settings);
  }

  /** Makes a rule, or puts another in its place when it is at the version (any, when null or undefined). Throws Invalid, Stale, or Refused on one too many. */
  async upsert(name: string, input: PutReviewRuleDto, version: number | null | undefined): Promise<ReviewRuleDto> {
    const settings = settingsOf(name, input);
    const row = await tenantStatement(this.em, (db) => upsertRule(db, name, settings, version ?? null, new Date()));
    if (row) return ReviewRuleDto.of(row);
    // Version 0 is that of a rule that has no row: when it still has none, what refused it is the limit.
    if (version != null && (version > 0 || (await tenantRead(this.em, (db) => selectRules(db, name))).length > 0)) throw new Stale('review rule', name);
    throw new Refused(`There are ${RULES_MAX} review rules, and no more are allowed: change one of them`, 'limit-reached', { limit: RULES_MAX });
  }
}

function settingsOf(name: string, input: PutReviewRuleDto): RuleSettings {
  const { kind, isEnabled = true, threshold, windowHours = 24, minSamples = 5, metricName = null } = input;
  const isCompared = kind === 'above_baseline';
  const baselineDays = input.baselineDays ?? (isCompared ? 14 : null);
  const errors: FieldError[] = [];
  const fixed = builtIn(name)?.kind;
  if (fixed !== undefined && fixed !== kind) errors.push({ pointer: '/kind', message: `${name} is built in and keeps its kind`, allowed: [fixed] });
  if (!isCompared && baselineDays !== null) errors.push({ pointer: '/baselineDays', message: `only an above_baseline has a baseline` });
  if (!isCompared && metricName !== null) errors.push({ pointer: '/metricName', message: `only an above_baseline is of a metric` });
  if (metricName !== null && baselineDays !== null && windowHours + baselineDays * 24 > RAW_DAYS * 24) {
    errors.push({ pointer: '/baselineDays', message: `window and baseline of a metric lie within ${RAW_DAYS} days, for which its values are kept` });
  }
  if (errors.length > 0) throw new Invalid(`Review rule ${name} does not fit together`, errors);
  return { kind, isEnabled, threshold, windowHours, baselineDays, minSamples, metricName };
}
