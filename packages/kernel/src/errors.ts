/** One broken field of a request: where (JSON pointer), what is wrong, and what would have been accepted. */
export interface FieldError {
  pointer: string;
  message: string;
  allowed?: readonly unknown[];
}

/** Facts a problem answer carries beside its text, such as the states a transition allows. */
export type ProblemFacts = Record<string, unknown>;

/**
 * A failure that the caller can understand and act on. `code` is stable and documented; `message` names the id, the
 * rule, and what would be accepted. The HTTP status is decided by the problem filter alone.
 */
export abstract class HiveError extends Error {
  abstract readonly kind: 'unauthenticated' | 'forbidden' | 'not-found' | 'refused' | 'stale' | 'precondition-required' | 'invalid' | 'unavailable';
  constructor(
    message: string,
    readonly code: string,
    readonly facts: ProblemFacts = {},
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** Nobody we know: no key, a malformed, expired or revoked one. The reason is never told apart to the outside. */
export class Unauthenticated extends HiveError {
  readonly kind = 'unauthenticated';
  constructor(message = 'A valid API key is required: send it as "Authorization: Bearer hive_..."') {
    super(message, 'unauthenticated');
  }
}

/** Known, but not allowed: the message names the scope or the role that is missing. */
export class Forbidden extends HiveError {
  readonly kind = 'forbidden';
  constructor(message: string, code = 'forbidden', facts: ProblemFacts = {}) {
    super(message, code, facts);
  }
}

/** No such thing in this tenant. Another tenant's id answers exactly so, with the same body. */
export class NotFound extends HiveError {
  readonly kind = 'not-found';
  constructor(noun: string, id: string) {
    super(`No ${noun} with id ${id}`, 'not-found', { noun, id });
  }
}

/** A rule of the domain forbids it in the present state (409). */
export class Refused extends HiveError {
  readonly kind = 'refused';
  constructor(message: string, code = 'refused', facts: ProblemFacts = {}) {
    super(message, code, facts);
  }
}

/** The caller's copy is older than the stored one (412). */
export class Stale extends HiveError {
  readonly kind = 'stale';
  constructor(noun: string, id: string) {
    super(`${noun} ${id} was changed since you read it: read it again and repeat with its new ETag`, 'stale', { noun, id });
  }
}

/** A write to a versioned resource came without the version it builds on (428). */
export class PreconditionRequired extends HiveError {
  readonly kind = 'precondition-required';
  constructor() {
    super('This resource is versioned: send the ETag of your copy as If-Match, such as If-Match: "3"', 'precondition-required');
  }
}

/** How many broken fields an answer names; of the rest it tells the number. */
export const SHOWN_ERRORS_MAX = 50;

/** The request itself is wrong (422); the first broken fields are named. `more` is how many there are beside those in `errors`. */
export class Invalid extends HiveError {
  readonly kind = 'invalid';
  constructor(
    message: string,
    readonly errors: readonly FieldError[] = [],
    code = 'invalid',
    readonly more = 0,
  ) {
    super(message, code);
  }

  /** One field is wrong: what the answer says is what is said of it. */
  static at(pointer: string, message: string): Invalid {
    return new Invalid(message, [{ pointer, message }]);
  }
}

/** The hive cannot do it now but may soon (503, with Retry-After). */
export class Unavailable extends HiveError {
  readonly kind = 'unavailable';
  constructor(
    message: string,
    readonly retryAfterSeconds = 1,
    code = 'unavailable',
  ) {
    super(message, code);
  }
}
