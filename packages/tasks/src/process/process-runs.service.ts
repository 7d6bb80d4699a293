import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { validateSync } from 'class-validator';
import { currentTenantId, decodeCursor, Invalid, isForeignKeyViolation, newId, NotFound, pageOf, Refused, requireUuid, tenantRead, tenantSql, transactional, type Page } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import type { NewTask } from '../task/new-task.js';
import { CreateTaskDto } from '../task/task.dto.js';
import { TasksService } from '../task/tasks.service.js';
import { parametersOf } from './parameters.js';
import { ProcessRunDto, ProcessRunSummaryDto, type CreateProcessRunDto, type ProcessRunQuery } from './process-run.dto.js';
import { ProcessRun, type Trigger } from './process-run.entity.js';
import { countRuns, selectRun, selectRuns, selectRunTasks } from './process-run.sql.js';
import type { DefinedVersionRow } from './process-version.dto.js';
import { selectVersion } from './process-version.sql.js';
import { versionMissing } from './process-versions.service.js';
import { Process } from './process.entity.js';
import { requireProject } from './required-project.js';
import { tasksOf } from './run-tasks.js';

/** What starts a run. */
export interface Cause {
  trigger: Trigger;
  scheduleId: string | null;
  eventTriggerId?: string;
  /** Event triggers that led to it, that one included. */
  lineage?: string[];
  /** External id of the root task: a second run with the same one is refused. */
  externalId: string | null;
}

const BY_HAND: Cause = { trigger: 'manual', scheduleId: null, externalId: null };

/** Runs of processes. A run is its tasks: they are created with it, and what becomes of them is what becomes of it. */
@Injectable()
export class ProcessRunsService {
  constructor(
    private readonly em: EntityManager,
    private readonly tasks: TasksService,
    private readonly wakeups: WakeupsService,
  ) {}

  /** One run with the tasks of its steps. Throws NotFound. */
  async get(id: string): Promise<ProcessRunDto> {
    return tenantRead(this.em, async (db) => {
      const run = await selectRun(db, id);
      if (!run) throw new NotFound('process run', id);
      return ProcessRunDto.withTasks(run, await selectRunTasks(db, id));
    });
  }

  /** A page of the runs of a process, newest first. Throws NotFound. */
  async list(processId: string, query: ProcessRunQuery): Promise<Page<ProcessRunSummaryDto>> {
    const before = decodeCursor(query.cursor, 1)?.[0];
    return tenantRead(this.em, async (db) => {
      const rows = await selectRuns(db, processId, query.limit + 1, before === undefined ? undefined : requireUuid(String(before), 'cursor'));
      if (rows.length === 0 && !(await selectVersion(db, processId))) throw new NotFound('process', processId);
      const page: Page<ProcessRunSummaryDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => ProcessRunSummaryDto.of(row));
      if (query.total) page.total = await countRuns(db, processId);
      return page;
    });
  }

  /**
   * Starts a run: its row, a root task and a task for each step, all or none. Throws NotFound on process, version or project,
   * Refused when the version lacks the trigger, Invalid on the parameters or on what the tasks would become with them.
   */
  async create(processId: string, input: CreateProcessRunDto, cause = BY_HAND): Promise<ProcessRunDto> {
    const made = await transactional(this.em, async (em) => {
      const { version, parameters } = await this.prepare(processId, input, cause.trigger);
      const projectId = input.projectId === undefined ? version.requirements.projectId : input.projectId;
      await tenantSql(em, (db) => requireProject(db, projectId));
      const now = new Date();
      const run = { id: newId(), title: input.title ?? version.process_name, parameters, projectId, externalId: cause.externalId, now };
      const { rootId, stepTasks, tasks } = tasksOf({ ...version, successCriteria: version.success_criteria }, run);
      for (const [i, task] of tasks.entries()) requireTask(task, i === 0 ? 'the root task' : `the task of step ${version.steps[i - 1]!.key}`);
      const { trigger, scheduleId, eventTriggerId = null, lineage = [] } = cause;
      const process = em.getReference(Process, [currentTenantId(), processId], { wrapped: true });
      em.create(ProcessRun, { id: run.id, process, processVersion: version.number, parameters, trigger, scheduleId, eventTriggerId, lineage, rootTaskId: rootId, stepTasks });
      await this.flush(em, processId);
      await this.tasks.createBatch(tasks);
      return this.get(run.id);
    });
    // Before the commit, claimers would look and find nothing.
    this.wakeups.notify();
    return made;
  }

  /** Throws as create() would, for the latest version. */
  async requireStartable(processId: string, parameters: Record<string, unknown>, trigger: Trigger): Promise<void> {
    await this.prepare(processId, { parameters }, trigger);
  }

  /** Throws NotFound on a process that is not there, Refused when its latest version is not started so. */
  async requireTrigger(processId: string, trigger: Trigger): Promise<void> {
    await this.startable(processId, undefined, trigger);
  }

  private async prepare(processId: string, input: CreateProcessRunDto, trigger: Trigger) {
    const version = await this.startable(processId, input.version, trigger);
    return { version, parameters: parametersOf(version.parameters, input.parameters ?? {}) };
  }

  private async startable(processId: string, wanted: number | undefined, trigger: Trigger): Promise<DefinedVersionRow> {
    const version = await tenantRead(this.em, (db) => selectVersion(db, processId, wanted));
    if (!version) throw versionMissing(processId, version, wanted);
    const { number, triggers } = version;
    if (!triggers.includes(trigger)) throw new Refused(`version ${number} of process ${processId} is not started by ${trigger}: its triggers are ${triggers.join(', ')}`, 'not-a-trigger', { trigger, allowed: triggers });
    return version;
  }

  private async flush(em: EntityManager, processId: string): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (isForeignKeyViolation(error)) throw new NotFound('process', processId);
      throw error;
    }
  }
}

/** What the parameters were put into must be what a task may have. Throws Invalid. */
function requireTask({ title, description, input }: NewTask, what: string): void {
  const broken = validateSync(Object.assign(new CreateTaskDto(), { title, description, input }));
  if (broken.length === 0) return;
  const message = `${what} cannot have these parameters: ${broken.flatMap((error) => Object.values(error.constraints ?? {})).join('; ')}`;
  throw new Invalid(message, [{ pointer: '/parameters', message }]);
}
