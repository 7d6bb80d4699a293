/** A stretch of time: `from` is in it, `to` is not. */
export interface WorkWindow {
  from: Date;
  to: Date;
}

/** Which errors are meant: those that came up more than `above` times (the most frequent), or of these just one, whatever is before it. */
export interface WantedErrors {
  above: number;
  error?: string;
}

/** One error, as often as it came up. */
export interface WorkErrors {
  /** What is the same each time: the code that was given, or else the message. */
  error: string;
  count: number;
  /** Noun of what it came up at, such as `task`. */
  subjectType: string;
  /** The last few that it came up at. */
  subjectIds: readonly string[];
}

/** How long work of one kind took. */
export interface WorkDurations {
  /** Noun and kind of the work, such as `task of type build`. */
  kind: string;
  count: number;
  meanMs: number;
}
