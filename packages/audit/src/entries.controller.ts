import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { EntriesService } from './entries.service.js';
import { CreateEntryDto, EntryDto, EntryPage, EntryQuery } from './entry.dto.js';

@ApiTags('audit')
@Controller('v1/audit/entries')
export class EntriesController {
  constructor(private readonly entries: EntriesService) {}

  /** Lists entries of the record, newest first. */
  @Get()
  @Access('audit:read')
  list(@Query() query: EntryQuery): Promise<EntryPage> {
    return this.entries.list(query);
  }

  /** Reads one entry. */
  @Get(':id')
  @Access('audit:read')
  get(@Param('id', IdPipe) id: string): Promise<EntryDto> {
    return this.entries.get(id);
  }

  /** Records an action that an agent took outside the hive. */
  @Post()
  @Access('audit:write', { location: '/v1/audit/entries' })
  create(@Body() input: CreateEntryDto): Promise<EntryDto> {
    return this.entries.create(input);
  }
}
