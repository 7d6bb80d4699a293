import type { Repository } from './repository.ts';

/** Something that is not as the style guide says. */
export interface Breach {
  file: string;
  line: number;
  message: string;
  /** What would be accepted in its place. */
  accepted: string;
  /** Printed, and not counted. */
  warning?: boolean;
}

/** One sentence of the style guide, as a check. */
export interface Rule {
  name: string;
  about: string;
  check(repository: Repository): Iterable<Breach>;
}
