import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { requireContext, runAs, tenantSql, transactional } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { ProcessRunsService } from '../process/process-runs.service.js';
import { inSeconds } from '../process/run-tasks.js';
import { isPassing, tellable } from '../process/setback.js';
import { TasksService } from '../task/tasks.service.js';
import { turnOf, type Timing, type Turn } from './occurrences.js';
import { lockDue, moveSchedule, type DueRow } from './schedule.sql.js';

/** Times of one schedule that one call fires, so that one with many to catch up on leaves room for the others. */
const PER_SCHEDULE_MAX = 100;

/** Times that one call deals with. */
const TIMES_MAX = 1000;

/** The schedule whose time was dealt with, and how often that counts against its share. */
interface Step {
  id: string;
  fired: number;
  share: number;
}

/**
 * Starts what schedules say when their time has come. Each time has a transaction of its own, which holds the schedule, creates the
 * run or the task, and moves the schedule to its next time: all of it or nothing, so however many servers do this, each
 * time is fired once. The external id of what is created says the same to the database.
 */
@Injectable()
export class FiringService {
  private readonly log = new Logger('Schedules');
  constructor(
    private readonly em: EntityManager,
    private readonly runs: ProcessRunsService,
    private readonly tasks: TasksService,
    private readonly wakeups: WakeupsService,
  ) {}

  /**
   * Fires what is due in the running tenant, the longest due first, at most 100 times of one schedule and `limit` in all; returns
   * how many were fired. One that cannot be started is noted on its schedule and in the record, and goes on to its next time.
   */
  async fireDue(now: Date, limit = TIMES_MAX): Promise<number> {
    const shares = new Map<string, number>();
    let fired = 0;
    for (let times = 0; times < limit; times++) {
      const served = [...shares].filter(([, share]) => share >= PER_SCHEDULE_MAX).map(([id]) => id);
      // A unit of work for each, so that a thousand of them leave nothing behind, and a failed one nothing at all.
      const step = await runAs(this.em, requireContext().principal, () => this.fireNext(now, served));
      if (!step) break;
      shares.set(step.id, (shares.get(step.id) ?? 0) + step.share);
      fired += step.fired;
      // Before the commit, claimers would look and find nothing.
      if (step.fired > 0) this.wakeups.notify();
    }
    return fired;
  }

  private async fireNext(now: Date, served: readonly string[]): Promise<Step | null> {
    const held: { due?: DueRow } = {};
    try {
      return await transactional(this.em, async (em) => {
        const due = await tenantSql(em, (db) => lockDue(db, now, served));
        if (!due) return null;
        held.due = due;
        const turn = turnOf(timingOf(due), due.catch_up, due.next_run_at, now);
        const started = turn.fireAt && (await this.start(due, turn.fireAt, now));
        const action = started ? 'schedule.fired' : 'schedule.skipped';
        await tenantSql(em, (db) => moveSchedule(db, due, { ...turn, action, error: null, details: started ?? { missedAt: due.next_run_at } }));
        return { id: due.id, fired: started ? 1 : 0, share: 1 };
      });
    } catch (error) {
      if (!held.due) throw error;
      return this.setAside(held.due, now, error);
    }
  }

  private async start(due: DueRow, at: Date, now: Date): Promise<Record<string, unknown>> {
    const externalId = `schedule:${due.id}:${at.toISOString()}`;
    if (due.process_id !== null) {
      const run = await this.runs.create(due.process_id, { parameters: due.parameters }, { trigger: 'schedule', scheduleId: due.id, externalId });
      return { at, processRunId: run.id };
    }
    const { deadlineSeconds, ...template } = due.task!;
    const [task] = await this.tasks.createBatch([{ ...template, externalId, deadlineAt: inSeconds(now, deadlineSeconds) }]);
    return { at, taskId: task!.id };
  }

  /** A time that could not be fired: what may pass is tried again by the next call, anything else is noted and over. */
  private async setAside(due: DueRow, now: Date, error: unknown): Promise<Step> {
    const isTriedAgain = isPassing(error);
    this.log.warn(`Schedule ${due.id} was not fired for ${due.next_run_at.toISOString()}${isTriedAgain ? ' and will be tried again' : ''}: ${String(error)}`);
    if (isTriedAgain) return { id: due.id, fired: 0, share: PER_SCHEDULE_MAX };
    const reason = tellable(error);
    const turn = this.turnAfterFailure(due, now);
    await tenantSql(this.em, (db) => moveSchedule(db, due, { ...turn, action: 'schedule.failed', error: reason, details: { at: turn.fireAt ?? due.next_run_at, error: reason } }));
    return { id: due.id, fired: 0, share: 1 };
  }

  /** An expression that was understood once and is no more, by another version of the library, leaves the schedule without a next time. */
  private turnAfterFailure(due: DueRow, now: Date): Turn {
    try {
      return turnOf(timingOf(due), due.catch_up, due.next_run_at, now);
    } catch (error) {
      this.log.error(`Schedule ${due.id} has no next time: ${String(error)}`);
      return { fireAt: null, nextRunAt: null };
    }
  }
}

const timingOf = ({ cron, time_zone: timeZone }: DueRow): Timing => ({ cron, timeZone });
