/*
 * The life of a task
 *
 *   created ──▶ blocked ──▶ ready ──claim──▶ claimed ──heartbeat──▶ running ──▶ completed
 *                 ▲          │ ▲                │ failure, release,    │  └────▶ failed    (the worker says: never again)
 *                 └──────────┘ └────────────────┴─── lost lease ───────┤
 *                                              (attempts left)         ├───────▶ dead      (attempts used up, or past its deadline)
 *   a group, or a task that may not end yet:  waiting ─────────────────┘
 *   a task whose worker asked a person:       running ──wait──▶ waiting ──answer──▶ ready
 *   whatever has not ended ──▶ cancelled          failed, dead ──redrive──▶ ready
 *
 * created   being written; seen only inside the transaction that creates it
 * blocked   something that it depends on has not started or ended
 * ready     may be claimed, unless held: until its run_at, or until its concurrency key has room
 * claimed   leased to an agent
 * running   leased, and the agent has given a sign of life
 * waiting   no lease: a group waits for its children, a finished task for others to end, any for a person's answer
 * dead      the dead letter: kept with its history until it is redriven
 */

/** Everything that a task can be. */
export const TASK_STATUSES = ['created', 'blocked', 'ready', 'claimed', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'dead'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** From each status, the ones that may follow. */
export const TASK_TRANSITIONS: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  created: ['blocked', 'ready', 'waiting', 'cancelled'],
  blocked: ['ready', 'cancelled', 'dead'],
  ready: ['blocked', 'claimed', 'cancelled', 'dead'],
  claimed: ['ready', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'dead'],
  running: ['ready', 'waiting', 'completed', 'failed', 'cancelled', 'dead'],
  waiting: ['ready', 'completed', 'failed', 'cancelled', 'dead'],
  completed: [],
  failed: ['blocked', 'ready', 'waiting'],
  cancelled: [],
  dead: ['blocked', 'ready', 'waiting'],
};

/** Statuses in which a task has ended; failed and dead ones can be redriven. */
export const ENDED: readonly TaskStatus[] = ['completed', 'failed', 'cancelled', 'dead'];

/** Statuses in which an agent holds a lease. */
export const LEASED: readonly TaskStatus[] = ['claimed', 'running'];

/** Statuses from which `to` may be reached: the condition of a compare-and-set. */
export const mayBecome = (to: TaskStatus): TaskStatus[] => TASK_STATUSES.filter((from) => TASK_TRANSITIONS[from].includes(to));

/** Why a ready task cannot be claimed yet. */
export const HOLDS = ['run_at', 'concurrency_key'] as const;
export type Hold = (typeof HOLDS)[number];

/** How the outcome of children becomes their parent's: it is a group that completes when all do, or one does; or they do not matter. */
export const CHILD_POLICIES = ['ignore', 'all', 'any'] as const;
export type ChildPolicy = (typeof CHILD_POLICIES)[number];

/** What becomes of a task when one that it depends on fails: it is cancelled, stays blocked until that one is redriven, or runs all the same. */
export const DEPENDENCY_FAILURE_POLICIES = ['cancel', 'keep', 'run'] as const;
export type DependencyFailurePolicy = (typeof DEPENDENCY_FAILURE_POLICIES)[number];

/** What must happen to the dependency before the dependent may do what. */
export const DEPENDENCY_TYPES = ['finish_to_start', 'start_to_start', 'finish_to_finish', 'start_to_finish'] as const;
export type DependencyType = (typeof DEPENDENCY_TYPES)[number];

/** How the pause before the next attempt grows. */
export const BACKOFF_KINDS = ['fixed', 'exponential'] as const;
export type BackoffKind = (typeof BACKOFF_KINDS)[number];

/** How an attempt ended; `waiting`: to wait for an answer, which counts neither as a failure nor as an attempt. */
export const OUTCOMES = ['completed', 'failed', 'released', 'expired', 'cancelled', 'deadline_exceeded', 'waiting'] as const;
export type Outcome = (typeof OUTCOMES)[number];
