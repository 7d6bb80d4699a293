import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { oneTransaction, tenantSql } from '@agent-hive/kernel';
import { InteractionsService } from '@agent-hive/trust';
import type { WaitDto } from '../attempt/attempt.dto.js';
import { held, keyHold, writeOf } from '../attempt/work.service.js';
import { lockHeld } from '../attempt/work.sql.js';
import { WakeupsService } from '../claim/wakeups.service.js';
import { moveTasks, type Move } from '../task/move.sql.js';
import { SettlementService } from '../task/settlement.service.js';
import { lockGroupsAbove } from '../task/settlement.sql.js';
import { selectTask } from '../task/task.sql.js';
import { TaskDto } from '../task/task-view.dto.js';
import { WorkloadReporter } from '../workload/workload.service.js';
import { INTERACTION, lockWaitingFor } from './wait.sql.js';

/*
 * Why no answer is missed
 *
 *   wait    holds the interaction ──▶ locks the task ──▶ waiting, or ready when it is answered already ──▶ commit
 *   answer  locks the interaction ──▶ answered ──▶ locks what waits for it, which becomes ready ─────────▶ commit
 *
 * Both come to the interaction first, so one is over before the other looks: an answer finds the task that waits, or the wait
 * finds the answer. The order is the same as well, interaction before task, so neither waits for the other for ever.
 */

/** Tasks that wait for a person: no lease, no worker, nothing in memory, so that they outlive every process. */
@Injectable()
export class WaitsService {
  constructor(
    private readonly em: EntityManager,
    private readonly interactions: InteractionsService,
    private readonly settlement: SettlementService,
    private readonly wakeups: WakeupsService,
    private readonly workload: WorkloadReporter,
  ) {}

  /**
   * Ends the attempt, without counting it, and lets the task wait for the interaction; when that is over already, the task is
   * ready at once. Throws NotFound on either, Forbidden when another agent holds the task, or Refused (`lease-lost`).
   */
  async wait(taskId: string, { fencingToken, interactionId }: WaitDto): Promise<TaskDto> {
    return oneTransaction(this.em, async () => {
      const interaction = await this.interactions.hold(interactionId);
      return tenantSql(this.em, async (db) => {
        await lockGroupsAbove(db, [taskId]);
        const now = new Date();
        const task = held(taskId, (await lockHeld(db, [writeOf(taskId, { fencingToken })], now))[0]);
        const ends = { task, outcome: 'waiting' as const, interactionId: interaction.id, attempt: task.attempt - 1 };
        const move: Move = interaction.status === 'pending' ? { ...ends, action: 'task.waiting', status: 'waiting', reason: INTERACTION } : { ...ends, action: 'task.resumed', status: 'ready', reason: null, heldBy: keyHold(task) };
        const moved = await moveTasks(db, [move], now);
        await this.settlement.settle(db, moved, now);
        this.workload.touch(task.assignee_id);
        if (move.status === 'ready') this.wakeups.notify();
        // It may have got its key's turn by now.
        return TaskDto.of(task.concurrency_key === null ? moved[0]! : (await selectTask(db, taskId))!);
      });
    });
  }

  /** Makes what waited for interactions ready again, in the transaction that ended those; claimers hear of it after its commit. */
  async resume(interactionIds: readonly string[]): Promise<void> {
    await tenantSql(this.em, async (db) => {
      const tasks = await lockWaitingFor(db, interactionIds);
      if (tasks.length === 0) return;
      const now = new Date();
      const moved = await moveTasks(db, tasks.map((task): Move => ({ task, action: 'task.resumed', status: 'ready', reason: null, heldBy: keyHold(task) })), now);
      await this.settlement.settle(db, moved, now);
      this.wakeups.notify();
    });
  }
}
