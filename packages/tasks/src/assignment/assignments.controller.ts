import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { AssignmentDto, AssignmentPage, AssignmentQuery, CreateAssignmentDto } from './assignment.dto.js';
import { AssignmentsService } from './assignments.service.js';

@ApiTags('tasks')
@Controller('v1/tasks/:id')
export class AssignmentsController {
  constructor(private readonly assignments: AssignmentsService) {}

  /** Pins a task that nobody holds to the agent that fits best, and records who else was looked at and why. */
  @Post('assignment')
  @Access('tasks:write', { transaction: false })
  create(@Param('id', IdPipe) id: string, @Body() input: CreateAssignmentDto): Promise<AssignmentDto> {
    return this.assignments.create(id, input);
  }

  /** Lists the assignments of a task, newest first. */
  @Get('assignments')
  @Access('tasks:read')
  list(@Param('id', IdPipe) id: string, @Query() query: AssignmentQuery): Promise<AssignmentPage> {
    return this.assignments.list(id, query);
  }
}
