import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, decodeCursor, Invalid, NotFound, pageOf, tenantRead, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { definitionOf, type Definition } from './definition.js';
import { ProcessVersionDto, ProcessVersionSummaryDto, type CreateProcessVersionDto, type ProcessVersionQuery } from './process-version.dto.js';
import { ProcessVersion } from './process-version.entity.js';
import { countVersions, selectVersion, selectVersions } from './process-version.sql.js';
import { Process } from './process.entity.js';
import { requireProject } from './required-project.js';

/** What processes consist of. A version stays as it is for life, since runs rely on it. */
@Injectable()
export class ProcessVersionsService {
  constructor(private readonly em: EntityManager) {}

  /** One version. Throws NotFound. */
  async get(processId: string, number: number): Promise<ProcessVersionDto> {
    const row = await tenantStatement(this.em, (db) => selectVersion(db, processId, number));
    if (!row) throw versionMissing(processId, row, number);
    return ProcessVersionDto.of(row);
  }

  /** A page of the versions of a process, newest first. Throws NotFound. */
  async list(processId: string, query: ProcessVersionQuery): Promise<Page<ProcessVersionSummaryDto>> {
    const before = decodeCursor(query.cursor, 1)?.[0];
    return tenantRead(this.em, async (db) => {
      const rows = await selectVersions(db, processId, query.limit + 1, before === undefined ? undefined : requireNumber(before));
      if (rows.length === 0 && !(await selectVersion(db, processId))) throw new NotFound('process', processId);
      const page: Page<ProcessVersionSummaryDto> = pageOf(rows, query.limit, (row) => [row.number], (row) => ProcessVersionSummaryDto.of(row));
      if (query.total) page.total = await countVersions(db, processId);
      return page;
    });
  }

  /** The next version of a process, which runs from now on unless another is asked for. Throws Invalid on the definition, NotFound on the process or its project. */
  async create(processId: string, input: CreateProcessVersionDto): Promise<ProcessVersionDto> {
    const definition = definitionOf(input);
    return transactional(this.em, async (em) => {
      // Whoever adds a version holds the process, so each number is given once.
      const process = await em.findOne(Process, { tenantId: currentTenantId(), id: processId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!process) throw new NotFound('process', processId);
      process.latestVersion++;
      await this.add(em, process, definition);
      await em.flush();
      return this.get(processId, process.latestVersion);
    });
  }

  /** Adds what the latest version of a new or locked process says to the unit of work. Throws NotFound on the project that it requires. */
  async add(em: EntityManager, process: Process, definition: Definition): Promise<void> {
    await tenantSql(em, (db) => requireProject(db, definition.requirements.projectId));
    em.create(ProcessVersion, { process, number: process.latestVersion, ...definition });
  }
}

/** The refusal of a version that selectVersion() did not find: undefined without a process, null without a version. */
export const versionMissing = (processId: string, row: null | undefined, number?: number): NotFound =>
  row === undefined ? new NotFound('process', processId) : new NotFound('process version', `${processId}/${number}`);

/** The number inside a cursor. */
function requireNumber(key: string | number): number {
  if (Number.isInteger(key)) return key as number;
  throw new Invalid('cursor is not one that this list gave out', [{ pointer: '/cursor', message: 'must be the nextCursor of an earlier page' }]);
}
