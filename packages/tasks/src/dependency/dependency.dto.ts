import { IsIn, IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { DEPENDENCY_TYPES, type DependencyType, type TaskStatus } from '../task/lifecycle.js';

const typeMessage = { message: 'type must be one of: $constraint1' };

/** What a new task waits for: a task by its id or, within one batch, by its position. */
export class DependsOnDto {
  /** A task that exists. */
  @IsOptional()
  @IsUUID()
  taskId?: string;

  /** Position in the same batch, from 0. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(999)
  index?: number;

  /** `finish_to_start` by default. */
  @IsOptional()
  @IsIn(DEPENDENCY_TYPES, typeMessage)
  type?: DependencyType;
}

/** How one task waits for another. */
export class PutDependencyDto {
  /** `finish_to_start` by default. */
  @IsOptional()
  @IsIn(DEPENDENCY_TYPES, typeMessage)
  type?: DependencyType;
}

/** A dependency with the other task's state, as SQL returns it. */
export interface DependencyRow {
  dependent_id: string;
  dependency_id: string;
  type: DependencyType;
  created_at: Date;
  resolved_at: Date | null;
  title: string;
  status: TaskStatus;
}

/** One edge between two tasks. */
export class DependencyDto {
  /** The task that waits. */
  dependentId: string;
  /** The task that is waited for. */
  dependencyId: string;
  type: DependencyType;
  /** Title of the other of the two. */
  title: string;
  /** Status of the other of the two. */
  status: TaskStatus;
  createdAt: string;
  /** When the wait was over; null while it lasts. */
  resolvedAt: string | null;

  static of(row: DependencyRow): DependencyDto {
    return {
      dependentId: row.dependent_id,
      dependencyId: row.dependency_id,
      type: row.type,
      title: row.title,
      status: row.status,
      createdAt: iso(row.created_at),
      resolvedAt: iso(row.resolved_at),
    };
  }
}

/** What a task waits for, and what waits for it. */
export class DependenciesDto {
  items: DependencyDto[];
  dependents: DependencyDto[];
}
