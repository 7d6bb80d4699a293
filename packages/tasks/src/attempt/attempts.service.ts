import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeIdCursor, NotFound, pageOf, tenantRead, type Page } from '@agent-hive/kernel';
import { selectTask } from '../task/task.sql.js';
import { AttemptDto, type AttemptQuery } from './attempt.dto.js';
import { countAttempts, selectAttempts } from './attempt.sql.js';

/** The history of a task: who tried it when, under which token, and how it ended. */
@Injectable()
export class AttemptsService {
  constructor(private readonly em: EntityManager) {}

  /** A page of a task's attempts, newest first. Throws NotFound on the task. */
  async list(taskId: string, query: AttemptQuery): Promise<Page<AttemptDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectAttempts(db, taskId, query.limit + 1, before);
      if (rows.length === 0 && !(await selectTask(db, taskId))) throw new NotFound('task', taskId);
      const page: Page<AttemptDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => AttemptDto.of(row));
      if (query.total) page.total = await countAttempts(db, taskId);
      return page;
    });
  }
}
