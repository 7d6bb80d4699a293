import { Injectable, Logger, Optional } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { storableText } from '@agent-hive/agents';
import { NotFound, tenantRead, tenantStatement } from '@agent-hive/kernel';
import { selectTask } from '../task/task.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';
import { HistoryDto, type EstimateDto, type EstimatorFindingsDto } from './estimate.dto.js';
import { refreshDurations, selectDurations } from './estimate.sql.js';
import { TaskEstimator } from './task-estimator.provider.js';

/** Says how long a task may take and how hard it is: from history, and from an estimator when one is configured. */
@Injectable()
export class EstimatesService {
  private readonly log = new Logger('Estimates');
  constructor(
    private readonly em: EntityManager,
    @Optional() private readonly estimator?: TaskEstimator,
  ) {}

  /** Measures the running tenant's attempts of the 30 days before `now`; returns how many figures that changed. Safe to run twice. */
  async refresh(now = new Date()): Promise<number> {
    return tenantStatement(this.em, (db) => refreshDurations(db, now));
  }

  /** What history says about a task. Throws NotFound. */
  async get(taskId: string): Promise<EstimateDto> {
    return tenantRead(this.em, async (db) => {
      const task = await selectTask(db, taskId);
      if (!task) throw new NotFound('task', taskId);
      const { type, assignee_id: assigneeId, required_capabilities: requiredCapabilities } = task;
      const rows = await selectDurations(db, type, { agentIds: assigneeId === null ? [] : [assigneeId], capabilities: requiredCapabilities });
      return { taskId, ...HistoryDto.of(rows, { assigneeId, requiredCapabilities }) };
    });
  }

  /** What the estimator says, or `{error}`; null when none is configured. To be called outside any transaction: it may take seconds, and must not hold a connection meanwhile. */
  async ask(task: TaskRow, history: HistoryDto): Promise<EstimatorFindingsDto | null> {
    if (!this.estimator) return null;
    const { name } = this.estimator;
    const { id, title, description, type, risk, priority } = task;
    const asked = { id, title, description, type, risk, priority, actionClass: task.action_class, requiredCapabilities: task.required_capabilities, attempt: task.attempt, maxAttempts: task.max_attempts };
    try {
      return { provider: name, ...(await this.estimator.estimate({ task: asked, history })) };
    } catch (error) {
      const message = storableText(error instanceof Error ? error.message : String(error));
      this.log.warn(`Estimation of task ${id} by provider ${name} failed: ${message}`);
      return { provider: name, error: message };
    }
  }
}
