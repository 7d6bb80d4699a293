import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, iso, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { UpdateTaskDto } from './task.dto.js';
import { ANYONE } from './lane.js';
import { TASK_COLUMNS, type Reserved } from './task.sql.js';
import { type TaskRow } from './task-view.dto.js';

/** Changes a locked task; its entry keeps the changed fields, before and after. By primary key. */
export async function updateTask(db: Sql, task: TaskRow & Reserved, input: UpdateTaskDto, now: Date): Promise<TaskRow> {
  const before: Record<string, unknown> = { title: task.title, description: task.description, priority: task.priority, assigneeId: task.assignee_id, deadlineAt: iso(task.deadline_at), taskMetadata: task.task_metadata };
  const changed = Object.entries(input).filter(([name, value]) => value !== undefined && name in before);
  const after: Record<string, unknown> = { ...before, ...Object.fromEntries(changed) };
  const entry = insertEntry(
    {
      action: 'task.updated', subjectType: 'task', subjectId: task.id, agentId: after.assigneeId as string | null, risk: task.risk,
      previousState: Object.fromEntries(changed.map(([name]) => [name, before[name]])), newState: Object.fromEntries(changed),
    },
    'changed',
  );
  const updated = await sql<TaskRow>`
    with changed as (
      update tasks.task t
         set title = ${after.title}, description = ${after.description === null ? null : JSON.stringify(after.description)}::jsonb, priority = ${after.priority},
             assignee_id = ${after.assigneeId}::uuid, reserved_for = ${input.assigneeId === undefined ? task.reserved_for : (input.assigneeId ?? ANYONE)},
             ai_optimization_applied = ${input.assigneeId === undefined && task.ai_optimization_applied},
             deadline_at = ${after.deadlineAt}::timestamptz, task_metadata = ${JSON.stringify(after.taskMetadata)}::jsonb, updated_at = ${now}, version = t.version + 1
       where t.tenant_id = ${currentTenantId()} and t.id = ${task.id}
      returning ${TASK_COLUMNS}
    ), entry as (${entry})
    select * from changed`.execute(db);
  return updated.rows[0]!;
}
