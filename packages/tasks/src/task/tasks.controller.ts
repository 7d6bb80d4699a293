import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { LifecycleService } from './lifecycle.service.js';
import { CancelTaskDto, CreateTaskDto, CreateTasksDto, UpdateTaskDto } from './task.dto.js';
import { TaskDto, TaskPage, TaskQuery, TasksDto, TreeDto } from './task-view.dto.js';
import { TasksService } from './tasks.service.js';

/** A thousand tasks with what they are given. */
const BATCH_MAX_BYTES = 16 * 1024 * 1024;

@ApiTags('tasks')
@Controller('v1/tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly lifecycle: LifecycleService,
  ) {}

  /** Creates a task. */
  @Post()
  @Access('tasks:write', { etag: true, location: '/v1/tasks' })
  create(@Body() input: CreateTaskDto): Promise<TaskDto> {
    return this.tasks.create(input);
  }

  /** Creates up to 1,000 tasks, all or none; one may depend on another by its position. */
  @Post('batch')
  @Access('tasks:write', { bodyLimitBytes: BATCH_MAX_BYTES })
  async createBatch(@Body() { tasks }: CreateTasksDto): Promise<TasksDto> {
    return { items: await this.tasks.createBatch(tasks) };
  }

  /** Lists tasks, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Query() query: TaskQuery): Promise<TaskPage> {
    return this.tasks.list(query);
  }

  /** Reads a task. */
  @Get(':id')
  @Access('tasks:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<TaskDto> {
    return this.tasks.get(id);
  }

  /** Reads a task with all that is below it, parents before children. */
  @Get(':id/tree')
  @Access('tasks:read')
  getTree(@Param('id', IdPipe) id: string): Promise<TreeDto> {
    return this.lifecycle.getTree(id);
  }

  /** Changes a task that has not ended. */
  @Patch(':id')
  @Access('tasks:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateTaskDto, @IfMatch() version: number | null): Promise<TaskDto> {
    return this.lifecycle.update(id, input, version);
  }

  /** Cancels a task that has not ended and, when told to, all below it. */
  @Post(':id/cancellation')
  @HttpCode(200)
  @Access('tasks:write', { etag: true })
  cancel(@Param('id', IdPipe) id: string, @Body() input: CancelTaskDto): Promise<TaskDto> {
    return this.lifecycle.cancel(id, input);
  }

  /** Takes a dead or failed task up again, with its history. */
  @Post(':id/redrive')
  @HttpCode(200)
  @Access('tasks:write', { etag: true })
  redrive(@Param('id', IdPipe) id: string): Promise<TaskDto> {
    return this.lifecycle.redrive(id);
  }
}
