import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import {
  currentTenantId, decodeCursor, Invalid, isForeignKeyViolation, isUniqueViolation, NotFound, pageOf, Refused, requireUuid, Stale, tenantSql, transactional, type FieldError, type Page,
} from '@agent-hive/kernel';
import { ProcessRunsService } from '../process/process-runs.service.js';
import { Process } from '../process/process.entity.js';
import { requireProject } from '../process/required-project.js';
import { lockAgents } from '../task/reference.sql.js';
import { FiringService } from './firing.service.js';
import { nextAfter, occurrences, requireTiming } from './occurrences.js';
import { ScheduleDto, type CreateScheduleDto, type OccurrenceQuery, type OccurrencesDto, type ScheduledTaskDto, type ScheduleQuery, type UpdateScheduleDto } from './schedule.dto.js';
import { Schedule } from './schedule.entity.js';

/** What is started when. That it happens is the FiringService's part. */
@Injectable()
export class SchedulesService {
  constructor(
    private readonly em: EntityManager,
    private readonly runs: ProcessRunsService,
    private readonly firing: FiringService,
  ) {}

  /** One schedule. Throws NotFound. */
  async get(id: string): Promise<ScheduleDto> {
    return ScheduleDto.of(await this.load(this.em, id, null));
  }

  /** A page of schedules, newest first; those of a process are found by schedule_process_index. */
  async list(query: ScheduleQuery): Promise<Page<ScheduleDto>> {
    const tenantId = currentTenantId();
    const before = decodeCursor(query.cursor, 1)?.[0];
    const where = { tenantId, ...(query.processId !== undefined && { process: [tenantId, query.processId] as [string, string] }) };
    const keyset = before === undefined ? where : { ...where, id: { $lt: requireUuid(String(before), 'cursor') } };
    const schedules = await this.em.find(Schedule, keyset, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const page: Page<ScheduleDto> = pageOf(schedules, query.limit, (schedule) => [schedule.id], (schedule) => ScheduleDto.of(schedule));
    if (query.total) page.total = await this.em.count(Schedule, where);
    return page;
  }

  /** The next times of a schedule. Throws NotFound. */
  async listOccurrences(id: string, { limit, after }: OccurrenceQuery): Promise<OccurrencesDto> {
    const schedule = await this.load(this.em, id, null);
    const times = occurrences(schedule, after === undefined ? new Date() : new Date(after), limit);
    return { items: times.map((at) => ({ at: at.toISOString() })) };
  }

  /**
   * A schedule, to fire from now on. Throws Invalid on expression, zone or target, NotFound on what it refers to, Refused when
   * the process is not started by schedules or the name is taken.
   */
  async create(input: CreateScheduleDto): Promise<ScheduleDto> {
    const { name, cron, timeZone = 'UTC', catchUp = 'skip', isEnabled = true, processId = null, parameters = {}, task = null } = input;
    const now = new Date();
    requireTiming({ cron, timeZone }, now);
    requireOneTarget(input);
    return transactional(this.em, async (em) => {
      if (processId !== null) await this.runs.requireStartable(processId, parameters, 'schedule');
      if (task !== null) await this.requireReferences(em, task);
      const process = processId === null ? null : em.getReference(Process, [currentTenantId(), processId], { wrapped: true });
      const schedule = em.create(Schedule, { name, cron, timeZone, catchUp, isEnabled, process, parameters, task, nextRunAt: isEnabled ? nextAfter({ cron, timeZone }, now) : null });
      await this.flush(em, name, processId);
      return ScheduleDto.of(schedule);
    });
  }

  /** Changes a schedule that is still at the version (any, when null). Throws NotFound, Stale, and as create() does. */
  async update(id: string, input: UpdateScheduleDto, version: number | null): Promise<ScheduleDto> {
    const now = new Date();
    return transactional(this.em, async (em) => {
      // Held, so that it does not fire meanwhile by what is about to change.
      const schedule = await this.load(em, id, version, LockMode.PESSIMISTIC_WRITE);
      const processId = schedule.process?.unwrap().id ?? null;
      requireSameTarget(processId, input);
      if (processId !== null && input.parameters) await this.runs.requireStartable(processId, input.parameters, 'schedule');
      if (input.task) await this.requireReferences(em, input.task);
      const before = timingOf(schedule);
      wrap(schedule).assign(input, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      if (timingOf(schedule) !== before) {
        requireTiming(schedule, now);
        schedule.nextRunAt = schedule.isEnabled ? nextAfter(schedule, now) : null;
      }
      await this.flush(em, schedule.name, processId);
      return ScheduleDto.of(schedule);
    });
  }

  /** Deletes a schedule; what it started goes on. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      await em.remove(await this.load(em, id, version, LockMode.PESSIMISTIC_WRITE)).flush();
    });
  }

  /** Fires what is due in the running tenant; returns how many times were fired. */
  async fireDue(now = new Date(), limit?: number): Promise<number> {
    return this.firing.fireDue(now, limit);
  }

  private async load(em: EntityManager, id: string, version: number | null, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<Schedule> {
    const schedule = await em.findOne(Schedule, { tenantId: currentTenantId(), id }, { lockMode });
    if (!schedule) throw new NotFound('schedule', id);
    if (version !== null && schedule.version !== version) throw new Stale('schedule', id);
    return schedule;
  }

  private async requireReferences(em: EntityManager, { projectId = null, assigneeId = null }: ScheduledTaskDto): Promise<void> {
    await tenantSql(em, async (db) => {
      await requireProject(db, projectId);
      if (assigneeId !== null && (await lockAgents(db, [assigneeId])).length === 0) throw new NotFound('agent', assigneeId);
    });
  }

  private async flush(em: EntityManager, name: string, processId: string | null): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`A schedule named ${name} exists: change it, or give this one another name`, 'conflict');
      if (isForeignKeyViolation(error)) throw new NotFound('process', String(processId));
      throw error;
    }
  }
}

/** What decides when a schedule fires, to tell whether it changed. */
const timingOf = ({ cron, timeZone, isEnabled }: Schedule): string => JSON.stringify([cron, timeZone, isEnabled]);

function requireOneTarget({ processId, task, parameters }: CreateScheduleDto): void {
  const errors: FieldError[] = [];
  if ((processId == null) === (task == null)) errors.push(...['/processId', '/task'].map((pointer) => ({ pointer, message: 'a schedule has either processId or task' })));
  else if (processId == null && parameters !== undefined) errors.push({ pointer: '/parameters', message: 'parameters are a process\'s: put what the task is given into its input' });
  if (errors.length > 0) throw new Invalid(errors.map((error) => error.message).join('; '), errors);
}

function requireSameTarget(processId: string | null, { parameters, task }: UpdateScheduleDto): void {
  const [pointer, message] = processId === null ? ['/parameters', 'this schedule creates a task, which has no parameters'] : ['/task', `this schedule starts process ${processId}: make another for a task`];
  if ((processId === null ? parameters : task) !== undefined) throw new Invalid(message, [{ pointer, message }]);
}
