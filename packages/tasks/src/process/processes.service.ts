import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, isUniqueViolation, NotFound, pageOf, Refused, requireUuid, Stale, tenantRead, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { definitionOf } from './definition.js';
import { ProcessVersionsService } from './process-versions.service.js';
import { ProcessDto, ProcessSummaryDto, type CreateProcessDto, type ProcessQuery, type UpdateProcessDto } from './process.dto.js';
import { Process } from './process.entity.js';
import { countProcesses, countReferences, deleteProcess, selectProcess, selectProcesses } from './process.sql.js';

/** Kinds of work that are done again and again. What they consist of is said by their versions. */
@Injectable()
export class ProcessesService {
  constructor(
    private readonly em: EntityManager,
    private readonly versions: ProcessVersionsService,
  ) {}

  /** One process with what its latest version says. Throws NotFound. */
  async get(id: string): Promise<ProcessDto> {
    const row = await tenantStatement(this.em, (db) => selectProcess(db, id));
    if (!row) throw new NotFound('process', id);
    return ProcessDto.of(row);
  }

  /** A page of processes, newest first. */
  async list(query: ProcessQuery): Promise<Page<ProcessSummaryDto>> {
    const before = decodeCursor(query.cursor, 1)?.[0];
    return tenantRead(this.em, async (db) => {
      const rows = await selectProcesses(db, query, before === undefined ? undefined : requireUuid(String(before), 'cursor'));
      const page: Page<ProcessSummaryDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => ProcessSummaryDto.of(row));
      if (query.total) page.total = await countProcesses(db, query);
      return page;
    });
  }

  /** A process with its first version. Throws Invalid on the definition, NotFound on its project, Refused when the name is taken. */
  async create({ name, description, ...input }: CreateProcessDto): Promise<ProcessDto> {
    const definition = definitionOf(input);
    return transactional(this.em, async (em) => {
      const process = em.create(Process, { name, description: description ?? null, latestVersion: 1 });
      await this.versions.add(em, process, definition);
      await this.flush(em, name);
      return this.get(process.id);
    });
  }

  /** Changes what is said of a process that is still at the revision (any, when null). Throws NotFound, Stale, or Refused when the name is taken. */
  async update(id: string, input: UpdateProcessDto, revision: number | null): Promise<ProcessDto> {
    return transactional(this.em, async (em) => {
      const process = await this.load(em, id, revision);
      wrap(process).assign(input, { ignoreUndefined: true });
      await this.flush(em, process.name);
      return this.get(id);
    });
  }

  /** Deletes a process with its versions. Throws NotFound, Stale, or Refused with the counts of its runs and of schedules that start it. */
  async delete(id: string, revision: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      // The lock waits for runs and schedules being written and keeps new ones out, so the counts are the truth.
      const process = await this.load(em, id, revision, LockMode.PESSIMISTIC_WRITE);
      await tenantSql(em, async (db) => {
        const { runs, schedules } = await countReferences(db, id);
        if (runs + schedules > 0) {
          const counts = { 'tasks.process_run': runs, 'tasks.schedule': schedules };
          throw new Refused(`process ${id} has ${runs} runs, and ${schedules} schedules start it: it stays, since its runs are history`, 'in-use', { counts });
        }
        await deleteProcess(db, process);
      });
    });
  }

  private async load(em: EntityManager, id: string, revision: number | null, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<Process> {
    const process = await em.findOne(Process, { tenantId: currentTenantId(), id }, { lockMode });
    if (!process) throw new NotFound('process', id);
    if (revision !== null && process.revision !== revision) throw new Stale('process', id);
    return process;
  }

  private async flush(em: EntityManager, name: string): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`A process named ${name} exists: give it another version by POST /v1/processes/{id}/versions`, 'conflict');
      throw error;
    }
  }
}
