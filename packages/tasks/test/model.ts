import type { ChildPolicy, DependencyFailurePolicy, DependencyType, Hold, Outcome, TaskStatus } from '../src/task/lifecycle.js';

/*
 * The rules of docs/tasks.md once more, as plainly as they can be said: no database, nothing counted that can be looked at,
 * nothing remembered that follows from something else. Moments are seconds from now; tasks are known by a number each.
 */

/** A task as it is asked for. */
export interface Spec {
  name: number;
  queue: string;
  priority: number;
  key: string | null;
  runAt: number | null;
  deadlineAt: number | null;
  maxAttempts: number;
  pause: number;
  childPolicy: ChildPolicy;
  onDependencyFailure: DependencyFailurePolicy;
  reservedFor: number | null;
  parent: number | null;
  dependsOn: { on: number; type: DependencyType }[];
}

/** A task as it is. */
export interface Task extends Spec {
  status: TaskStatus;
  /** What a waiting task waits for. */
  waitsFor: 'children' | 'dependencies' | 'interaction' | null;
  question: number | null;
  heldBy: Hold | null;
  agent: number | null;
  leaseUntil: number | null;
  attempt: number;
  token: number;
  redrives: number;
  /** Whether it has ever been claimed. */
  started: boolean;
  edges: Map<number, { type: DependencyType; over: boolean }>;
  attempts: { token: number; number: number; redrive: number; outcome: Outcome | null }[];
  /** How often the record says what of it. */
  entries: Record<string, number>;
}

/** Codes of the refusals that an operation may meet; none: it is done. */
export type Refusals = string[];

/** A worker's write: about what, off the right token by how much, in whose name. */
export interface Write {
  task: number;
  tokenOff: number;
  by: number | null;
}

const keepsFromStart = (type: DependencyType): boolean => type.endsWith('_to_start');
const isResolvedByStart = (type: DependencyType): boolean => type.startsWith('start_');
export const hasEnded = ({ status }: Task): boolean => ['completed', 'failed', 'cancelled', 'dead'].includes(status);
export const isLeased = ({ status }: Task): boolean => status === 'claimed' || status === 'running';
const isGroup = (task: Spec): boolean => task.childPolicy !== 'ignore';
/** The more important first, then the older. */
const byTurn = (a: Task, b: Task): number => b.priority - a.priority || a.name - b.name;

/** One tenant's tasks. */
export class Model {
  readonly tasks = new Map<number, Task>();
  readonly limits = new Map<string, number>();
  readonly answered = new Set<number>();
  /** Tasks that ended in the running operation and whose end nobody has been told of. */
  private untold = new Set<Task>();

  private get all(): Task[] {
    return [...this.tasks.values()];
  }

  create(specs: readonly Spec[]): Refusals {
    const refusals: Refusals = [];
    for (const spec of specs) {
      const task: Task = { ...spec, status: 'ready', waitsFor: null, question: null, heldBy: null, agent: spec.reservedFor, leaseUntil: null, attempt: 0, token: 0, redrives: 0, started: false, edges: new Map(), attempts: [], entries: {} };
      if (isGroup(task)) task.key = null;
      this.tasks.set(task.name, task);
      note(task, 'created');
    }
    const made = specs.map((spec) => this.tasks.get(spec.name)!);
    for (const task of made) {
      if (task.parent !== null && hasEnded(this.tasks.get(task.parent)!)) refusals.push('parent-ended');
      for (const { on, type } of task.dependsOn) {
        if (this.isHopeless(this.tasks.get(on)!, type, task)) refusals.push('dependency-ended');
        task.edges.set(on, { type, over: this.isOver(this.tasks.get(on)!, type, task) });
      }
    }
    if (made.some((task) => this.leads(task, task))) refusals.push('dependency-cycle');
    if (refusals.length > 0) for (const { name } of made) this.tasks.delete(name);
    else {
      for (const task of made) {
        if (this.isOpen(task, true)) task.status = 'blocked';
        else this.free(task, 0);
        const parent = this.tasks.get(task.parent ?? -1);
        if (parent?.childPolicy === 'all' && parent.waitsFor === 'dependencies') parent.waitsFor = 'children';
      }
      this.giveTurns();
    }
    return refusals;
  }

  /** Who may be claimed by an agent, in the order in which each queue gives them. */
  claimable(agent: number, queues: readonly string[] | null): Task[] {
    return this.all
      .filter((task) => task.status === 'ready' && task.heldBy === null && [null, agent].includes(task.reservedFor) && (queues === null || queues.includes(task.queue)))
      .sort(byTurn);
  }

  claim(agent: number, names: readonly number[], leaseSeconds: number): void {
    const tasks = names.map((name) => this.tasks.get(name)!);
    for (const task of tasks) {
      Object.assign(task, { status: 'claimed', agent, attempt: task.attempt + 1, token: task.token + 1, started: true, leaseUntil: leaseSeconds });
      task.attempts.push({ token: task.token, number: task.attempt, redrive: task.redrives, outcome: null });
      note(task, 'claimed');
    }
    this.resolve((edge, on) => tasks.includes(on) && isResolvedByStart(edge.type), 0);
    this.settle(0);
  }

  heartbeat(write: Write, leaseSeconds: number): Refusals {
    return this.held(write, (task) => {
      if (task.status === 'claimed') note(task, 'started');
      Object.assign(task, { status: 'running', leaseUntil: leaseSeconds });
    });
  }

  /** Completions of different tasks; each is refused or not by itself. */
  complete(writes: readonly Write[]): Refusals[] {
    const answers = writes.map((write) =>
      this.held(write, (task) => {
        endAttempt(task, 'completed');
        if (this.isOpen(task, false)) this.move(task, 'waiting', 'waiting', 'dependencies');
        else this.move(task, 'completed', 'completed');
      }),
    );
    this.settle(0);
    return answers;
  }

  fail(write: Write, retryable: boolean): Refusals {
    return this.held(write, (task) => {
      endAttempt(task, 'failed');
      if (!retryable) this.move(task, 'failed', 'failed');
      else if (task.attempt >= task.maxAttempts) this.move(task, 'dead', 'dead');
      else {
        this.giveBack(task, 'retried');
        if (task.pause > 0) Object.assign(task, { heldBy: 'run_at', runAt: task.pause });
      }
      this.settle(0);
    });
  }

  release(write: Write): Refusals {
    return this.held(write, (task) => {
      endAttempt(task, 'released');
      task.attempt--;
      this.giveBack(task, 'released');
      this.settle(0);
    });
  }

  wait(write: Write, question: number): Refusals {
    return this.held(write, (task) => {
      endAttempt(task, 'waiting');
      Object.assign(task, { attempt: task.attempt - 1, question });
      if (this.answered.has(question)) this.giveBack(task, 'resumed');
      else this.move(task, 'waiting', 'waiting', 'interaction');
      this.settle(0);
    });
  }

  answer(question: number): Refusals {
    if (this.answered.has(question)) return ['interaction-settled'];
    this.answered.add(question);
    for (const task of this.all.filter((each) => each.waitsFor === 'interaction' && each.question === question)) this.giveBack(task, 'resumed');
    this.settle(0);
    return [];
  }

  cancel(name: number, tree: boolean): Refusals {
    const task = this.tasks.get(name)!;
    if (hasEnded(task)) return ['illegal-transition'];
    this.giveUp([task, ...(tree ? this.below(task) : [])]);
    this.settle(0);
    return [];
  }

  redrive(name: number): Refusals {
    const task = this.tasks.get(name)!;
    if (task.status !== 'failed' && task.status !== 'dead') return ['illegal-transition'];
    Object.assign(task, { attempt: 0, redrives: task.redrives + 1 });
    if (this.isOpen(task, true)) this.move(task, 'blocked', 'redriven');
    else if (isGroup(task)) this.move(task, 'waiting', 'redriven', 'children');
    else this.giveBack(task, 'redriven');
    for (let group = this.groupOf(task); group?.status === 'failed'; group = this.groupOf(group)) this.move(group, 'waiting', 'redriven', 'children');
    this.decide(task);
    this.settle(0);
    return [];
  }

  depend(name: number, on: number, type: DependencyType): Refusals {
    const [task, other] = [this.tasks.get(name)!, this.tasks.get(on)!];
    if (task === other) return ['self-dependency'];
    const known = task.edges.get(on);
    if (known) return known.type === type ? [] : ['conflict'];
    const over = this.isOver(other, type, task);
    const blocks = !over && keepsFromStart(type);
    const refusals: Refusals = [];
    if (this.leads(other, task)) refusals.push('dependency-cycle');
    if (this.isHopeless(other, type, task)) refusals.push('dependency-ended');
    if (hasEnded(task) || (blocks && task.status !== 'ready' && task.status !== 'blocked')) refusals.push('illegal-transition');
    if (refusals.length > 0) return refusals;
    task.edges.set(on, { type, over });
    note(task, 'dependency_added');
    if (blocks) Object.assign(task, { status: 'blocked', heldBy: null });
    this.giveTurns();
    return [];
  }

  undepend(name: number, on: number): Refusals {
    const task = this.tasks.get(name)!;
    if (!task.edges.delete(on)) return ['not-found'];
    note(task, 'dependency_removed');
    if (task.status === 'blocked' && !this.isOpen(task, true)) this.free(task, 0);
    this.decide(task);
    this.settle(0);
    return [];
  }

  setLimit(key: string, limit: number): void {
    this.limits.set(key, limit);
    this.giveTurns();
  }

  /** What time does until a moment. */
  sweep(now: number): { expired: number; overdue: number; due: number } {
    const expired = this.all.filter((task) => isLeased(task) && task.leaseUntil! <= now);
    for (const task of expired) {
      endAttempt(task, 'expired');
      if (task.attempt >= task.maxAttempts) this.move(task, 'dead', 'dead');
      else this.giveBack(task, 'expired');
    }
    this.settle(now);
    const overdue = this.all.filter((task) => !hasEnded(task) && task.deadlineAt !== null && task.deadlineAt <= now);
    for (const task of overdue) {
      endAttempt(task, 'deadline_exceeded');
      this.move(task, 'dead', 'dead');
    }
    this.settle(now);
    const due = this.all.filter((task) => task.heldBy === 'run_at' && task.runAt! <= now);
    for (const task of due) task.heldBy = keyHold(task);
    this.giveTurns();
    return { expired: expired.length, overdue: overdue.length, due: due.length };
  }

  /** Unresolved edges of a task that keep it from starting, or else from ending. */
  openEdges(task: Task, start: boolean): number {
    return [...task.edges.values()].filter((edge) => !edge.over && keepsFromStart(edge.type) === start).length;
  }

  /** Children that matter to a task: those of a group. */
  childrenOf(task: Task): Task[] {
    return isGroup(task) ? this.all.filter((child) => child.parent === task.name) : [];
  }

  private isOpen(task: Task, start: boolean): boolean {
    return this.openEdges(task, start) > 0;
  }

  private groupOf(task: Task): Task | undefined {
    const parent = this.tasks.get(task.parent ?? -1);
    return parent && isGroup(parent) ? parent : undefined;
  }

  private below(task: Task): Task[] {
    return this.all.filter((child) => child.parent === task.name).flatMap((child) => [...(hasEnded(child) ? [] : [child]), ...this.below(child)]);
  }

  private isOver(on: Task, type: DependencyType, task: Task): boolean {
    return on.status === 'completed' || (isResolvedByStart(type) && on.started) || (hasEnded(on) && task.onDependencyFailure === 'run');
  }

  /** Nothing can wait for what will never be. */
  private isHopeless(on: Task, type: DependencyType, task: Task): boolean {
    return hasEnded(on) && !this.isOver(on, type, task) && (task.onDependencyFailure === 'cancel' || on.status === 'cancelled');
  }

  /** Whether a way of one step or more leads from a task, along what it waits for, to another. */
  private leads(from: Task, to: Task, seen = new Set<Task>()): boolean {
    return [...[...from.edges.keys()].map((on) => this.tasks.get(on)!), ...this.childrenOf(from)].some((next) => {
      if (next === to) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return this.leads(next, to, seen);
    });
  }

  /** Does what a worker asks for, if the lease is its own. */
  private held({ task: name, tokenOff, by }: Write, work: (task: Task) => void): Refusals {
    const task = this.tasks.get(name)!;
    const refusals = [...(by !== null && by !== task.agent ? ['not-yours'] : []), ...(!isLeased(task) || tokenOff !== 0 ? ['lease-lost'] : [])];
    if (refusals.length === 0) work(task);
    return refusals;
  }

  private move(task: Task, status: TaskStatus, action: string, waitsFor: Task['waitsFor'] = null): void {
    Object.assign(task, { status, waitsFor, heldBy: null, leaseUntil: null });
    note(task, action);
    if (hasEnded(task)) this.untold.add(task);
    else if (status !== 'waiting') task.agent = task.reservedFor;
  }

  /** Back to where it can be claimed, at once or in its key's turn. */
  private giveBack(task: Task, action: string): void {
    this.move(task, 'ready', action);
    task.heldBy = keyHold(task);
  }

  /** A task that nothing keeps from starting. */
  private free(task: Task, now: number): void {
    if (isGroup(task)) Object.assign(task, { status: 'waiting', waitsFor: 'children' });
    else Object.assign(task, { status: 'ready', heldBy: task.runAt !== null && task.runAt > now ? 'run_at' : keyHold(task) });
  }

  private giveUp(tasks: readonly Task[]): void {
    for (const task of tasks.filter((each) => !hasEnded(each))) {
      endAttempt(task, 'cancelled');
      this.move(task, 'cancelled', 'cancelled');
    }
  }

  /** Ends the wait of edges, and what that means for those who waited. */
  private resolve(isOver: (edge: { type: DependencyType }, on: Task, task: Task) => boolean, now: number): void {
    const touched = this.all.filter((task) => [...task.edges].filter(([on, edge]) => !edge.over && isOver(edge, this.tasks.get(on)!, task)).map(([, edge]) => (edge.over = true)).length > 0);
    for (const task of touched) {
      if (task.status === 'blocked' && !this.isOpen(task, true)) {
        this.free(task, now);
        note(task, isGroup(task) ? 'started' : 'ready');
      }
      this.decide(task);
    }
  }

  /** Ends a waiting task that has nothing to wait for any more. */
  private decide(task: Task): void {
    if (task.status !== 'waiting' || task.waitsFor === 'interaction') return;
    if (task.waitsFor === 'children') {
      const children = this.childrenOf(task);
      const told = children.filter((child) => hasEnded(child) && !this.untold.has(child));
      const done = told.filter((child) => child.status === 'completed');
      const enough = task.childPolicy === 'any' ? done.length > 0 : done.length === children.length;
      if (children.length === 0 || (told.length < children.length && !(task.childPolicy === 'any' && enough))) return;
      if (!enough) return this.move(task, 'failed', 'failed');
      if (this.isOpen(task, false)) return this.move(task, 'waiting', 'waiting', 'dependencies');
    }
    if (!this.isOpen(task, false)) this.move(task, 'completed', 'completed');
  }

  /** Tells of ends, round by round: first those who depend on them, then their groups, then the children that nobody needs any more. */
  private settle(now: number): void {
    while (this.untold.size > 0) {
      const news = [...this.untold];
      this.resolve((_, on, task) => news.includes(on) && (on.status === 'completed' || task.onDependencyFailure === 'run'), now);
      this.giveUp(this.all.filter((task) => task.onDependencyFailure === 'cancel' && news.some((on) => task.edges.get(on.name)?.over === false)));
      for (const task of news) this.untold.delete(task);
      const groups = [...new Set(news.map((task) => this.groupOf(task)).filter((group) => group !== undefined))];
      for (const group of groups) this.decide(group);
      for (const group of news) {
        const needless = group.childPolicy === 'any' && group.status === 'completed' ? this.childrenOf(group).filter((child) => !hasEnded(child)) : [];
        this.giveUp(needless.flatMap((child) => [child, ...this.below(child)]));
      }
    }
    this.giveTurns();
  }

  /** As many of a key at once as its limit says: who is through stays so while there is room, then comes who is first. */
  private giveTurns(): void {
    for (const key of new Set(this.all.map((task) => task.key).filter((each) => each !== null))) {
      const tasks = this.all.filter((task) => task.key === key).sort(byTurn);
      const ready = tasks.filter((task) => task.status === 'ready' && task.heldBy !== 'run_at');
      const places = Math.max(0, (this.limits.get(key) ?? 1) - tasks.filter(isLeased).length);
      const through = [...ready.filter((task) => task.heldBy === null), ...ready.filter((task) => task.heldBy !== null)].slice(0, places);
      for (const task of ready) task.heldBy = through.includes(task) ? null : 'concurrency_key';
    }
  }
}

const keyHold = (task: Task): Hold | null => (task.key === null ? null : 'concurrency_key');

function note(task: Task, what: string): void {
  task.entries[`task.${what}`] = (task.entries[`task.${what}`] ?? 0) + 1;
}

/** An attempt that is under way ends. */
function endAttempt(task: Task, outcome: Outcome): void {
  if (isLeased(task)) task.attempts.at(-1)!.outcome = outcome;
}
