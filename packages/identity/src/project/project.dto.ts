import { IsIn, IsNotEmpty, IsObject, IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';
import { given, MaxJsonBytes, PageQuery } from '@agent-hive/kernel/http';
import type { ProjectState } from './project-state.entity.js';
import { PROJECT_STATES, type Project, type ProjectStateName } from './project.entity.js';

const DATA_MAX_BYTES = 65_536;
const stateMessage = { message: 'state must be one of: $constraint1' };

/** A project to be; it begins in planning. */
export class CreateProjectDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name: string;

  /** A text or any JSON, at most 64 KiB. */
  @IsOptional()
  @MaxJsonBytes(DATA_MAX_BYTES)
  description?: unknown;

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(DATA_MAX_BYTES)
  projectMetadata?: Record<string, unknown>;
}

/** Changes of a project; absent fields stay. The state has its own operation. */
export class UpdateProjectDto {
  @ValidateIf(given)
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name?: string;

  @IsOptional()
  @MaxJsonBytes(DATA_MAX_BYTES)
  description?: unknown;

  @ValidateIf(given)
  @IsObject()
  @MaxJsonBytes(DATA_MAX_BYTES)
  projectMetadata?: Record<string, unknown>;
}

/** Where a project goes. */
export class PutProjectStateDto {
  @IsIn(PROJECT_STATES, stateMessage)
  state: ProjectStateName;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  reason?: string;
}

/** Which projects to list, newest first. */
export class ProjectQuery extends PageQuery {
  @IsOptional()
  @IsIn(PROJECT_STATES, stateMessage)
  state?: ProjectStateName;
}

/** A project. */
export class ProjectDto {
  id: string;
  name: string;
  description: unknown;
  state: ProjectStateName;
  projectMetadata: Record<string, unknown>;
  version: number;
  createdAt: string;
  updatedAt: string;

  static of(project: Project): ProjectDto {
    return {
      id: project.id,
      name: project.name,
      description: project.description ?? null,
      state: project.state,
      projectMetadata: project.projectMetadata,
      version: project.version,
      createdAt: project.createdAt.toISOString(),
      updatedAt: project.updatedAt.toISOString(),
    };
  }
}

/** One change of a project's state. */
export class ProjectStateDto {
  id: string;
  projectId: string;
  state: ProjectStateName;
  reason: string | null;
  /** Id of the user or agent; null when a service did it. */
  transitionedBy: string | null;
  transitionedAt: string;
  createdAt: string;
  updatedAt: string;

  static of(change: ProjectState): ProjectStateDto {
    return {
      id: change.id,
      projectId: change.project.id,
      state: change.state,
      reason: change.reason ?? null,
      transitionedBy: change.transitionedBy ?? null,
      transitionedAt: change.transitionedAt.toISOString(),
      createdAt: change.createdAt.toISOString(),
      updatedAt: change.updatedAt.toISOString(),
    };
  }
}

/** A page of projects, newest first. */
export class ProjectPage {
  items: ProjectDto[];
  nextCursor: string | null;
  /** Number of all matching projects, when asked for. */
  total?: number;
}

/** A page of state changes, newest first. */
export class ProjectStatePage {
  items: ProjectStateDto[];
  nextCursor: string | null;
  /** Number of all changes, when asked for. */
  total?: number;
}
