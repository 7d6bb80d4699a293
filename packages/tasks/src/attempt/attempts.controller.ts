import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { AttemptPage, AttemptQuery } from './attempt.dto.js';
import { AttemptsService } from './attempts.service.js';

@ApiTags('tasks')
@Controller('v1/tasks/:id/attempts')
export class AttemptsController {
  constructor(private readonly attempts: AttemptsService) {}

  /** Lists the attempts at a task, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Param('id', IdPipe) id: string, @Query() query: AttemptQuery): Promise<AttemptPage> {
    return this.attempts.list(id, query);
  }
}
