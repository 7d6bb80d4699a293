import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateEventTriggerDto, EventTriggerDto, EventTriggerPage, EventTriggerQuery, UpdateEventTriggerDto } from './event-trigger.dto.js';
import { EventTriggersService } from './event-triggers.service.js';

@ApiTags('processes')
@Controller('v1/event-triggers')
export class EventTriggersController {
  constructor(private readonly triggers: EventTriggersService) {}

  /** Creates an event trigger: events of the feed start runs of a process. */
  @Post()
  @Access('processes:write', { etag: true, location: '/v1/event-triggers' })
  create(@Body() input: CreateEventTriggerDto): Promise<EventTriggerDto> {
    return this.triggers.create(input);
  }

  /** Lists event triggers, newest first. */
  @Get()
  @Access('tasks:read')
  list(@Query() query: EventTriggerQuery): Promise<EventTriggerPage> {
    return this.triggers.list(query);
  }

  /** Reads an event trigger. */
  @Get(':id')
  @Access('tasks:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<EventTriggerDto> {
    return this.triggers.get(id);
  }

  /** Changes an event trigger; the process that it starts stays. */
  @Patch(':id')
  @Access('processes:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateEventTriggerDto, @IfMatch() version: number | null): Promise<EventTriggerDto> {
    return this.triggers.update(id, input, version);
  }

  /** Deletes an event trigger; what it started goes on. */
  @Delete(':id')
  @HttpCode(204)
  @Access('processes:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.triggers.delete(id, version);
  }
}
