import { isDeepStrictEqual } from 'node:util';
import { CHILD_POLICIES, DEPENDENCY_FAILURE_POLICIES, DEPENDENCY_TYPES, type DependencyType } from '../src/task/lifecycle.js';
import { hasEnded, isLeased, type Model, type Spec, type Task, type Write } from './model.js';

/** What can be done to the tasks of a tenant. Tasks and agents are numbers, so that it can be done again, elsewhere and in part. */
export type Operation =
  | { do: 'create'; tasks: Spec[] }
  | { do: 'claim'; agent: number; queues: string[] | null; limit: number; leaseSeconds: number }
  | ({ do: 'heartbeat'; leaseSeconds: number } & Write)
  | { do: 'complete'; writes: Write[] }
  | ({ do: 'fail'; retryable: boolean } & Write)
  | ({ do: 'release' } & Write)
  | ({ do: 'wait'; question: number } & Write)
  | { do: 'answer'; question: number }
  | { do: 'cancel'; task: number; tree: boolean }
  | { do: 'redrive'; task: number }
  | { do: 'depend'; task: number; on: number; type: DependencyType }
  | { do: 'undepend'; task: number; on: number }
  | { do: 'sweep'; ahead: number }
  | { do: 'limit'; key: string; limit: number };

/*
 * Moments are so far apart that it does not matter how long a run takes, up to a quarter of an hour: what is SOON has come
 * for every sweep that looks ahead, a long lease is over for the second one, LATE never comes.
 */
const SOON = 1200;
const LATE = 9000;
const LEASES = [1200, 3600];
const SWEEPS = [0, 0, 2400, 6000];

export const AGENTS = 2;
const QUEUES = ['red', 'blue'];
const KEYS = ['north', 'south'];
/** Tasks that have not ended; with more of them, operations rarely meet on one. */
const CROWD = 40;

/** The names of tasks that an operation is about, those apart that it creates. */
export function references(operation: Operation): number[] {
  if (operation.do === 'create') {
    const own = new Set(operation.tasks.map((spec) => spec.name));
    return operation.tasks.flatMap(({ parent, dependsOn }) => [...(parent === null ? [] : [parent]), ...dependsOn.map(({ on }) => on)]).filter((name) => !own.has(name));
  }
  if (operation.do === 'complete') return operation.writes.map((write) => write.task);
  return [...('task' in operation ? [operation.task] : []), ...('on' in operation ? [operation.on] : [])];
}

const PLAIN: Partial<Spec> = { priority: 0, key: null, runAt: null, deadlineAt: null, maxAttempts: 1, pause: 0, childPolicy: 'ignore', reservedFor: null, parent: null, dependsOn: [] };

/** The same with less to it, in every way that there is: a task fewer, or one property of one as plain as can be. */
export function* simpler(operation: Operation): Iterable<Operation> {
  if (operation.do !== 'create') return;
  const { tasks } = operation;
  for (const { name } of tasks.length > 1 ? tasks : []) {
    const others = tasks.filter((spec) => spec.name !== name);
    yield { do: 'create', tasks: others.map((spec) => ({ ...spec, parent: spec.parent === name ? null : spec.parent, dependsOn: spec.dependsOn.filter(({ on }) => on !== name) })) };
  }
  for (const [i, spec] of tasks.entries()) {
    for (const [property, plain] of Object.entries(PLAIN)) {
      if (!isDeepStrictEqual(spec[property as keyof Spec], plain)) yield { do: 'create', tasks: tasks.with(i, { ...spec, [property]: plain }) };
    }
  }
}

/** Numbers that a seed decides: mulberry32 (Tommy Ettinger, public domain). */
export class Dice {
  constructor(private state: number) {}

  /** At least 0, below 1. */
  roll(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n: number): number {
    return Math.floor(this.roll() * n);
  }

  chance(share: number): boolean {
    return this.roll() < share;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

/** Makes up what to do next: mostly what is allowed, sometimes what is not. */
export class Chance {
  private serial = 0;
  private questions = 0;

  constructor(
    private readonly dice: Dice,
    private readonly model: Model,
  ) {}

  next(): Operation {
    const { dice } = this;
    const tasks = [...this.model.tasks.values()];
    if (tasks.length === 0) return this.create();
    const isCrowded = tasks.filter((task) => !hasEnded(task)).length >= CROWD;
    // What nobody could do now is seldom tried.
    const when = (isPossible: boolean, weight: number): number => (isPossible ? weight : weight / 10);
    const [isHeld, isFree] = [tasks.some(isLeased), tasks.some((task) => task.status === 'ready' && task.heldBy === null)];
    const weights: [number, () => Operation][] = [
      [isCrowded ? 4 : 22, () => this.create()],
      [when(isFree, 18), () => ({ do: 'claim', agent: dice.below(AGENTS), queues: dice.chance(0.5) ? null : [dice.pick(QUEUES)], limit: 1 + dice.below(4), leaseSeconds: dice.pick(LEASES) })],
      [when(isHeld, 4), () => ({ do: 'heartbeat', leaseSeconds: dice.pick(LEASES), ...this.write() })],
      [when(isHeld, 16), () => ({ do: 'complete', writes: this.distinct(1 + dice.below(3)) })],
      [when(isHeld, 10), () => ({ do: 'fail', retryable: dice.chance(0.5), ...this.write() })],
      [when(isHeld, 3), () => ({ do: 'release', ...this.write() })],
      [when(isHeld, 6), () => ({ do: 'wait', question: this.question(), ...this.write() })],
      [when(tasks.some((task) => task.waitsFor === 'interaction'), 6), () => ({ do: 'answer', question: this.question() })],
      [isCrowded ? 8 : 4, () => ({ do: 'cancel', task: this.task((task) => !hasEnded(task)), tree: dice.chance(0.5) })],
      [when(tasks.some((task) => task.status === 'failed' || task.status === 'dead'), 7), () => ({ do: 'redrive', task: this.task((task) => task.status === 'failed' || task.status === 'dead') })],
      [8, () => ({ do: 'depend', task: this.task((task) => !hasEnded(task)), on: this.task((task) => !hasEnded(task)), type: dice.pick(DEPENDENCY_TYPES) })],
      [4, () => this.undepend()],
      [4, () => ({ do: 'sweep', ahead: dice.pick(SWEEPS) })],
      [2, () => ({ do: 'limit', key: dice.pick(KEYS), limit: dice.below(4) })],
    ];
    let at = dice.roll() * weights.reduce((sum, [weight]) => sum + weight, 0);
    return weights.find(([weight]) => (at -= weight) < 0)![1]();
  }

  private create(): Operation {
    const names = Array.from({ length: this.dice.chance(0.7) ? 1 : 2 + this.dice.below(3) }, () => ++this.serial);
    return { do: 'create', tasks: names.map((name) => this.spec(name, names)) };
  }

  private spec(name: number, batch: readonly number[]): Spec {
    const { dice } = this;
    const seldom = <T>(share: number, value: () => T): T | null => (dice.chance(share) ? value() : null);
    // Of the same batch, or of what is there.
    const other = () => (batch.length > 1 && dice.chance(0.5) ? dice.pick(batch) : this.model.tasks.size > 0 ? this.task((task) => !hasEnded(task)) : name);
    const dependencies = new Map(Array.from({ length: dice.chance(0.5) ? 1 + dice.below(2) : 0 }, () => [other(), dice.pick(DEPENDENCY_TYPES)] as const));
    const earlier = batch.slice(0, batch.indexOf(name));
    const parent = seldom(0.5, () => (earlier.length > 0 && dice.chance(0.5) ? dice.pick(earlier) : this.model.tasks.size > 0 ? this.task((task) => task.childPolicy !== 'ignore' && !hasEnded(task)) : null));
    return {
      name,
      queue: dice.pick(QUEUES),
      priority: dice.below(3),
      key: seldom(0.3, () => dice.pick(KEYS)),
      runAt: seldom(0.15, () => dice.pick([SOON, LATE])),
      deadlineAt: seldom(0.15, () => dice.pick([SOON, LATE])),
      maxAttempts: 1 + dice.below(3),
      pause: dice.chance(0.7) ? 0 : SOON,
      childPolicy: dice.chance(0.5) ? 'ignore' : dice.pick(CHILD_POLICIES),
      onDependencyFailure: dice.pick(DEPENDENCY_FAILURE_POLICIES),
      reservedFor: seldom(0.15, () => dice.below(AGENTS)),
      parent,
      dependsOn: [...dependencies].filter(([on]) => on !== name).map(([on, type]) => ({ on, type })),
    };
  }

  private undepend(): Operation {
    const waiting = this.task((task) => !hasEnded(task) && task.edges.size > 0);
    const { edges } = this.model.tasks.get(waiting)!;
    return { do: 'undepend', task: waiting, on: edges.size > 0 ? this.dice.pick([...edges.keys()]) : this.task(() => true) };
  }

  /** A new question, one that something waits for, or any. */
  private question(): number {
    const awaited = [...this.model.tasks.values()].filter((task) => task.waitsFor === 'interaction').map((task) => task.question!);
    if (this.questions === 0 || this.dice.chance(0.3)) return ++this.questions;
    return awaited.length > 0 && this.dice.chance(0.8) ? this.dice.pick(awaited) : 1 + this.dice.below(this.questions);
  }

  private write(): Write {
    const { dice } = this;
    return { task: this.task(isLeased), tokenOff: dice.chance(0.1) ? dice.pick([-1, 1]) : 0, by: dice.chance(0.1) ? dice.below(AGENTS) : null };
  }

  /** Writes about different tasks, by one caller. */
  private distinct(count: number): Write[] {
    const writes = Array.from({ length: count }, () => this.write());
    return [...new Map(writes.map((write) => [write.task, { ...write, by: writes[0]!.by }])).values()];
  }

  /** A task: mostly one of those that are wanted, if there are any. */
  private task(isWanted: (task: Task) => boolean): number {
    const tasks = [...this.model.tasks.values()];
    const wanted = tasks.filter(isWanted);
    return this.dice.pick(wanted.length > 0 && this.dice.chance(0.93) ? wanted : tasks).name;
  }
}
