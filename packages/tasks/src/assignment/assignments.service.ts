import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { MatchesService, type MatchItemDto } from '@agent-hive/agents';
import { decodeIdCursor, newId, NotFound, pageOf, Refused, requireContext, tenantRead, tenantSql, type Page, type Sql } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { HistoryDto, type DurationRow, type EstimatorFindingsDto } from '../estimate/estimate.dto.js';
import { selectDurations } from '../estimate/estimate.sql.js';
import { EstimatesService } from '../estimate/estimates.service.js';
import { refuseTransition } from '../task/lifecycle.service.js';
import { ENDED, LEASED } from '../task/lifecycle.js';
import { lockAgents } from '../task/reference.sql.js';
import type { TaskRow } from '../task/task-view.dto.js';
import { lockTask, selectTask } from '../task/task.sql.js';
import { AssignmentDto, type AssignmentQuery, type AssignmentRow, type CreateAssignmentDto, type PredictionDto } from './assignment.dto.js';
import { countAssignments, insertAssignment, lockStranded, selectAssignments, selectTrusted, unassign } from './assignment.sql.js';
import { candidateOf, choose, rounded, type MissingCapability } from './choice.js';

/** What a decision rests on: who matches, best first, and what the estimator said. */
interface Grounds {
  matches: readonly MatchItemDto[];
  agentType: string | undefined;
  said: EstimatorFindingsDto | null;
}

/** Chooses who does a task, by scores, and keeps why. A later decision takes the place of an earlier one, which stays as history. */
@Injectable()
export class AssignmentsService {
  constructor(
    private readonly em: EntityManager,
    private readonly estimates: EstimatesService,
    private readonly matches: MatchesService,
    private readonly wakeups: WakeupsService,
  ) {}

  /**
   * Reserves a task for the agent with the highest score of those that have all that it requires and are trusted with its class and
   * risk. Throws NotFound; Refused when the task is held (`task-held`), has ended (`task-ended`) or is a group (`task-is-group`); and
   * Refused (`nobody-fits`) with what is missing when there is no such agent: that decision is recorded, and the task stays as it is.
   */
  async create(taskId: string, { limit, agentType }: CreateAssignmentDto): Promise<AssignmentDto> {
    const { task, history } = await this.recall(taskId);
    const said = await this.estimates.ask(task, history);
    const complexity = said?.complexityScore ?? history.complexityScore ?? undefined;
    const { items } = await this.matches.list({ requirements: { capabilities: task.required_capabilities, type: agentType, complexity }, limit }, 'cover');
    const { row, missing } = await tenantSql(this.em, (db) => this.decide(db, taskId, { matches: items, agentType, said }));
    if (row.agent_id === null) throw new Refused(`Nobody fits task ${taskId}: ${row.reason}`, 'nobody-fits', { assignmentId: row.id, missing });
    return AssignmentDto.of(row);
  }

  /** A page of a task's assignments, newest first. Throws NotFound on the task. */
  async list(taskId: string, query: AssignmentQuery): Promise<Page<AssignmentDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectAssignments(db, taskId, query.limit + 1, before);
      if (rows.length === 0 && !(await selectTask(db, taskId))) throw new NotFound('task', taskId);
      const page: Page<AssignmentDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => AssignmentDto.of(row));
      if (query.total) page.total = await countAssignments(db, taskId);
      return page;
    });
  }

  /**
   * Gives back to everybody what waits in the running tenant for an agent that was chosen by scores and is shut down, or lost a
   * capability that the task requires, or the trust for it; returns how many tasks. What somebody pinned to it by hand stays. Safe to run twice, and beside everything else.
   */
  async releaseStranded(now = new Date()): Promise<number> {
    for (let total = 0; ; ) {
      const count = await tenantSql(this.em, async (db) => {
        const tasks = await lockStranded(db, now);
        if (tasks.length > 0) await unassign(db, tasks, now);
        return tasks.length;
      });
      total += count;
      if (count === 0) return total;
      this.wakeups.notify();
    }
  }

  /** The task, and what history says about tasks like it, whoever does them. */
  private recall(taskId: string): Promise<{ task: TaskRow; history: HistoryDto }> {
    return tenantRead(this.em, async (db) => {
      const task = requireAssignable(await selectTask(db, taskId), taskId);
      const requiredCapabilities = task.required_capabilities;
      const rows = await selectDurations(db, task.type, { agentIds: [], capabilities: requiredCapabilities });
      return { task, history: HistoryDto.of(rows, { assigneeId: null, requiredCapabilities }) };
    });
  }

  /** Decides, and writes that. Agents are locked before the task, as a creation and a claim do; one that was deleted since it matched is no candidate any more. */
  private async decide(db: Sql, taskId: string, { matches, agentType, said }: Grounds): Promise<{ row: AssignmentRow; missing: MissingCapability[] }> {
    const present = await lockAgents(db, matches.map(({ agent }) => agent.id));
    const task = requireAssignable(await lockTask(db, taskId), taskId);
    const candidates = matches.filter(({ agent }) => present.includes(agent.id));
    const capabilities = task.required_capabilities;
    const figures = await selectDurations(db, task.type, { agentIds: present, capabilities });
    const now = new Date();
    const trusted = new Set(await selectTrusted(db, present, task, now));
    const { chosen, reason, missing } = choose(candidates, { capabilities, agentType, risk: task.risk, trusted });
    const agentId = chosen?.agent.id ?? null;
    const row: AssignmentRow = {
      id: newId(),
      task_id: taskId,
      agent_id: agentId,
      candidates: candidates.map((match) => candidateOf(match, figures, trusted)),
      reason,
      prediction: predictionOf(task, figures, agentId, said),
      decided_by: requireContext().principal.actor.name,
      decided_at: now,
      outcome: null,
      outcome_at: null,
    };
    await insertAssignment(db, task, row);
    if (agentId !== null) this.wakeups.notify();
    return { row, missing };
  }
}

/** The task, when somebody may be chosen for it. Throws NotFound, or Refused. */
function requireAssignable<T extends TaskRow>(task: T | undefined, id: string): T {
  if (!task) throw new NotFound('task', id);
  const { status } = task;
  if (LEASED.includes(status)) throw new Refused(`task ${id} is ${status}: its assignee holds it until it gives it back`, 'task-held', { taskStatus: status });
  if (ENDED.includes(status)) throw new Refused(`task ${id} is ${status}: only one that has not ended can be assigned`, 'task-ended', { taskStatus: status });
  if (task.child_policy !== 'ignore') throw new Refused(`task ${id} is a group: its children are assigned, nobody claims it itself`, 'task-is-group', { childPolicy: task.child_policy });
  if (status !== 'blocked' && status !== 'ready') refuseTransition(task, 'claimed');
  return task;
}

function predictionOf(task: TaskRow, figures: readonly DurationRow[], assigneeId: string | null, estimator: EstimatorFindingsDto | null): PredictionDto {
  const history = HistoryDto.of(figures, { assigneeId, requiredCapabilities: task.required_capabilities });
  return {
    durationMs: estimator?.durationMs ?? rounded(history.agent?.p50Ms ?? history.type?.p50Ms),
    complexityScore: estimator?.complexityScore ?? history.complexityScore,
    history,
    estimator,
  };
}
