/** One thing that must hold. */
export class CheckDto {
  ok: boolean;
  /** What was found, in words. */
  detail: string;
}

/** What readiness looks at. */
export class ChecksDto {
  /** The process takes requests, and is not shutting down. */
  serving: CheckDto;
  /** The database answers. */
  database: CheckDto;
  /** The schema is the one that this process was built for. */
  migrations: CheckDto;
  /** Tables that are partitioned by month have the next month. */
  partitions: CheckDto;
}

/** Whether the process should get requests. */
export class ReadinessDto {
  ready: boolean;
  checks: ChecksDto;
}

/** The process runs. */
export class LivenessDto {
  status: 'alive';
}
