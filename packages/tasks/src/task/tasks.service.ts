import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  Coalescer, constraintName, currentTenantId, decodeIdCursor, isForeignKeyViolation, NotFound, pageOf, runAs, runningTransaction, servicePrincipal, tenantRead, tenantStatement, type Page,
} from '@agent-hive/kernel';

import { WakeupsService } from '../claim/wakeups.service.js';
import { CreationService } from './creation.service.js';
import { draftOf, externalIdTaken, type DraftTask, type NewTask } from './new-task.js';
import type { CreateTaskDto } from './task.dto.js';
import { TaskDto, type TaskQuery } from './task-view.dto.js';
import { insertTasks } from './task-insert.sql.js';
import { countTasks, selectTask, selectTasks } from './task.sql.js';

/** Of an answer to many callers at once, the part of one. */
type Made = { task: TaskDto } | { error: unknown };

/** Tasks as things that are created and read. What moves them stands with its verb: claims, work, settlement, sweep. */
@Injectable()
export class TasksService {
  private readonly inserts = new Coalescer<DraftTask, Made>((drafts) => this.insertTogether(drafts), { max: 200, concurrency: 2 });
  constructor(
    private readonly em: EntityManager,
    private readonly creation: CreationService,
    private readonly wakeups: WakeupsService,
  ) {}

  /** One task. Throws NotFound. */
  async get(id: string): Promise<TaskDto> {
    const row = await tenantStatement(this.em, (db) => selectTask(db, id));
    if (!row) throw new NotFound('task', id);
    return TaskDto.of(row);
  }

  /** A page of tasks, newest first. */
  async list(query: TaskQuery): Promise<Page<TaskDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectTasks(db, query, before);
      const page: Page<TaskDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => TaskDto.of(row));
      if (query.total) page.total = await countTasks(db, query);
      return page;
    });
  }

  /**
   * Creates a task. One that waits for nothing and belongs to nothing goes into the same statement as others that are created at
   * the same moment. Throws NotFound on what it refers to, Invalid or Refused on its edges, Refused when the external id is taken.
   */
  async create(input: CreateTaskDto): Promise<TaskDto> {
    const isPlain = !input.dependsOn?.length && input.parentId == null && input.concurrencyKey == null && input.assigneeId == null;
    if (!isPlain) return (await this.creation.create([input], () => ''))[0]!;
    const draft = draftOf(input, new Date());
    const made = runningTransaction(this.em) ? await this.insertOne(draft) : await this.inserts.run(currentTenantId(), draft);
    if ('error' in made) throw made.error;
    this.wakeups.notify();
    return made.task;
  }

  /** Creates all or none. Throws as create() does, with a pointer to the item. */
  async createBatch(inputs: readonly NewTask[]): Promise<TaskDto[]> {
    return this.creation.create(inputs, (i) => `/tasks/${i}`);
  }

  private insertTogether(drafts: DraftTask[]): Promise<Made[]> {
    // The record names each caller by the facts of its own request; the transaction is the tenant's.
    return runAs(this.em, servicePrincipal(currentTenantId(), 'tasks'), async () => {
      try {
        return await this.insertPlain(drafts);
      } catch (error) {
        // One that refers to nothing must not take the others along.
        if (drafts.length === 1 || !isForeignKeyViolation(error)) return drafts.map((draft) => ({ error: errorOf(error, draft) }));
        return Promise.all(drafts.map((draft) => this.insertOne(draft)));
      }
    });
  }

  private insertOne(draft: DraftTask): Promise<Made> {
    return this.insertPlain([draft]).then(([made]) => made!, (error: unknown) => ({ error: errorOf(error, draft) }));
  }

  private async insertPlain(drafts: readonly DraftTask[]): Promise<Made[]> {
    const rows = await tenantStatement(this.em, (db) => insertTasks(db, drafts, new Date()));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return drafts.map((draft) => {
      const row = byId.get(draft.id);
      return row ? { task: TaskDto.of({ ...draft, ...row }) } : { error: externalIdTaken(draft) };
    });
  }
}

/** The column and the noun of what a task refers to, by the foreign key that broke. */
const REFERENCES = { project: ['project_id', 'project'], process: ['process_run_id', 'process run'], parent: ['parent_id', 'task'] } as const;

/** A reference to nothing becomes NotFound. */
function errorOf(error: unknown, draft: DraftTask): unknown {
  const broken = /^task_tenant_id_([a-z]+)_/.exec(constraintName(error) ?? '')?.[1] as keyof typeof REFERENCES | undefined;
  if (!isForeignKeyViolation(error) || !broken || !(broken in REFERENCES)) return error;
  const [column, noun] = REFERENCES[broken];
  return new NotFound(noun, draft[column] ?? '');
}
