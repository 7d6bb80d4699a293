import { domainOrm } from '@agent-hive/kernel';
import { trustDomain } from '@agent-hive/trust';
import { AssignmentSchema } from './assignment/assignment.entity.js';
import { AttemptSchema } from './attempt/attempt.entity.js';
import { DependencySchema } from './dependency/dependency.entity.js';
import { GraphLockSchema } from './dependency/graph-lock.entity.js';
import { DurationSchema } from './estimate/duration.entity.js';
import { EventTriggerSchema } from './event-trigger/event-trigger.entity.js';
import { migrations } from './migrations/index.js';
import { ProcessRunSchema } from './process/process-run.entity.js';
import { ProcessVersionSchema } from './process/process-version.entity.js';
import { ProcessSchema } from './process/process.entity.js';
import { ConcurrencyLimitSchema } from './queue/concurrency-limit.entity.js';
import { QueueSchema } from './queue/queue.entity.js';
import { ScheduleSchema } from './schedule/schedule.entity.js';
import { TaskSchema } from './task/task.entity.js';

/** Schema `tasks`: tasks with their dependencies and attempts, queues, processes, schedules. */
export const tasksDomain = domainOrm({
  name: 'tasks',
  entities: [
    ProcessSchema, ProcessVersionSchema, ProcessRunSchema, TaskSchema, DependencySchema, GraphLockSchema, AttemptSchema, QueueSchema,
    ConcurrencyLimitSchema, AssignmentSchema, DurationSchema, ScheduleSchema, EventTriggerSchema,
  ],
  upstream: [trustDomain],
  migrations,
});
