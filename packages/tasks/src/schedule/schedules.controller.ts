import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateScheduleDto, OccurrenceQuery, OccurrencesDto, ScheduleDto, SchedulePage, ScheduleQuery, UpdateScheduleDto } from './schedule.dto.js';
import { SchedulesService } from './schedules.service.js';

@ApiTags('schedules')
@Controller('v1/schedules')
export class SchedulesController {
  constructor(private readonly schedules: SchedulesService) {}

  /** Creates a schedule that starts a process or creates a task. */
  @Post()
  @Access('processes:write', { etag: true, location: '/v1/schedules' })
  create(@Body() input: CreateScheduleDto): Promise<ScheduleDto> {
    return this.schedules.create(input);
  }

  /** Lists schedules, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Query() query: ScheduleQuery): Promise<SchedulePage> {
    return this.schedules.list(query);
  }

  /** Reads a schedule. */
  @Get(':id')
  @Access('tasks:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<ScheduleDto> {
    return this.schedules.get(id);
  }

  /** Lists the next times of a schedule. */
  @Get(':id/occurrences')
  @Access('tasks:read')
  listOccurrences(@Param('id', IdPipe) id: string, @Query() query: OccurrenceQuery): Promise<OccurrencesDto> {
    return this.schedules.listOccurrences(id, query);
  }

  /** Changes a schedule; what it starts stays a process or a task. */
  @Patch(':id')
  @Access('processes:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateScheduleDto, @IfMatch() version: number | null): Promise<ScheduleDto> {
    return this.schedules.update(id, input, version);
  }

  /** Deletes a schedule; what it started goes on. */
  @Delete(':id')
  @HttpCode(204)
  @Access('processes:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.schedules.delete(id, version);
  }
}
