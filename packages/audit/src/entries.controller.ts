import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { EntriesService } from './entries.service.js';
import { CreateEntryDto, EntryDto, EntryPage, EntryQuery, ProofQuery } from './entry.dto.js';
import { ProofsService } from './sealing/proofs.service.js';

@ApiTags('audit')
@Controller('v1/audit/entries')
export class EntriesController {
  constructor(
    private readonly entries: EntriesService,
    private readonly proofs: ProofsService,
  ) {}

  /** Lists entries of the record, newest first. */
  @Get()
  @Access('audit:read')
  list(@Query() query: EntryQuery): Promise<EntryPage> {
    return this.entries.list(query);
  }

  /** Reads one entry, with the proof that it is in the sealed log when asked for. */
  @Get(':id')
  @Access('audit:read')
  async get(@Param('id', IdPipe) id: string, @Query() { proof }: ProofQuery): Promise<EntryDto> {
    return { ...(await this.entries.get(id)), ...(proof && { proof: await this.proofs.inclusion(id) }) };
  }

  /** Records an action that an agent took outside the hive. */
  @Post()
  @Access('audit:write', { location: '/v1/audit/entries' })
  create(@Body() input: CreateEntryDto): Promise<EntryDto> {
    return this.entries.create(input);
  }
}
