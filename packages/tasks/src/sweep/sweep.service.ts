import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantSql, type Sql } from '@agent-hive/kernel';
import { keyHold } from '../attempt/work.service.js';
import { WakeupsService } from '../claim/wakeups.service.js';
import { LEASED } from '../task/lifecycle.js';
import { moveTasks, type Move } from '../task/move.sql.js';
import { SettlementService } from '../task/settlement.service.js';
import type { TaskRow } from '../task/task-view.dto.js';
import { WorkloadReporter } from '../workload/workload.service.js';
import { lockExpired, lockOverdue, releaseDue } from './sweep.sql.js';

/** What a sweep of one tenant found. */
export interface Swept {
  expired: number;
  overdue: number;
  due: number;
}

/** What time alone does to tasks. Safe to run twice and beside everything else: a row that somebody holds is left for the next time. */
@Injectable()
export class SweepService {
  constructor(
    private readonly em: EntityManager,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
    private readonly workload: WorkloadReporter,
  ) {}

  /** Rescues tasks whose lease is over, gives up those past their deadline, and lets through those whose time has come, in the running tenant. */
  async sweep(now = new Date()): Promise<Swept> {
    const expired = await this.drain((db) => this.expire(db, now));
    const overdue = await this.drain((db) => this.giveUp(db, now));
    const due = await this.drain((db) => this.release(db, now));
    return { expired, overdue, due };
  }

  /** Repeats a step, each time in a transaction of its own, until it finds nothing. */
  private async drain(step: (db: Sql) => Promise<number>): Promise<number> {
    for (let total = 0; ; ) {
      const count = await tenantSql(this.em, step);
      total += count;
      if (count === 0) return total;
      this.wakeups.notify();
    }
  }

  private async expire(db: Sql, now: Date): Promise<number> {
    const tasks = await lockExpired(db, now);
    return this.move(db, tasks, now, (task) =>
      task.attempt >= task.max_attempts
        ? { task, action: 'task.dead', status: 'dead', reason: 'lease_expired', outcome: 'expired' }
        : { task, action: 'task.expired', status: 'ready', reason: 'lease_expired', outcome: 'expired', heldBy: keyHold(task) },
    );
  }

  private async giveUp(db: Sql, now: Date): Promise<number> {
    const tasks = await lockOverdue(db, now);
    return this.move(db, tasks, now, (task) => ({ task, action: 'task.dead', status: 'dead', reason: 'deadline_exceeded', ...(LEASED.includes(task.status) && { outcome: 'deadline_exceeded' }) }));
  }

  private async release(db: Sql, now: Date): Promise<number> {
    const due = await releaseDue(db, now);
    await this.settlement.admitNext(db, [...new Set(due.map((row) => row.concurrency_key).filter((key) => key !== null))]);
    return due.length;
  }

  private async move(db: Sql, tasks: readonly TaskRow[], now: Date, moveOf: (task: TaskRow) => Move): Promise<number> {
    if (tasks.length === 0) return 0;
    for (const task of tasks) this.workload.touch(task.assignee_id);
    const moved = await moveTasks(db, tasks.map(moveOf), now);
    await this.settlement.settle(db, moved, now);
    return moved.length;
  }
}
