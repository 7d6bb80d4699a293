/** How long rows of a class are kept, in days since their ids were minted. */
export interface Period {
  /** In the database. */
  hotDays: number;
  /** Altogether, the time in an archive included; null for ever. As long as `hotDays`: rows go without an archive. */
  totalDays: number | null;
}

/** What is kept how long, unless a tenant says otherwise. The record is kept for 3 years, one of them with 366 days. */
export const RETENTION_DEFAULTS = {
  conversation: { hotDays: 90, totalDays: 365 },
  mail: { hotDays: 90, totalDays: 365 },
  notification: { hotDays: 90, totalDays: 90 },
  decision: { hotDays: 184, totalDays: 730 },
  interaction: { hotDays: 365, totalDays: 1096 },
  work: { hotDays: 365, totalDays: 730 },
  knowledge_usage: { hotDays: 365, totalDays: 365 },
  audit: { hotDays: 1096, totalDays: 1096 },
} as const satisfies Record<string, Period>;

/** What rows are, as far as their retention is concerned. */
export type RetentionClass = keyof typeof RETENTION_DEFAULTS;

/** Every class. */
export const RETENTION_CLASSES = Object.keys(RETENTION_DEFAULTS) as RetentionClass[];

/** Nobody shortens the record below a year: who could, could let traces go. */
export const AUDIT_HOT_DAYS_MIN = 365;
/** The longest period, a hundred years. */
export const DAYS_MAX = 36_500;
