import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { MemoriesService } from './memories.service.js';
import { CreateMemoryDto, CreateSuccessorDto, MemoryDto, MemoryPage, MemoryQuery, UpdateMemoryDto } from './memory.dto.js';

@ApiTags('knowledge')
@Controller('v1/memories')
export class MemoriesController {
  constructor(private readonly memories: MemoriesService) {}

  /** Keeps something that was learned: an agent's, a user's, or everybody's. */
  @Post()
  @Access('knowledge:write', { etag: true, location: '/v1/memories' })
  create(@Body() input: CreateMemoryDto): Promise<MemoryDto> {
    return this.memories.create(input);
  }

  /** Lists the memories that the caller may read, newest first. */
  @Get()
  @Access('knowledge:read')
  list(@Query() query: MemoryQuery): Promise<MemoryPage> {
    return this.memories.list(query);
  }

  /** Reads a memory, superseded and expired ones too. */
  @Get(':id')
  @Access('knowledge:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<MemoryDto> {
    return this.memories.get(id);
  }

  /** Changes how a memory is used; what it says changes by a successor. */
  @Patch(':id')
  @Access('knowledge:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateMemoryDto, @IfMatch() version: number | null): Promise<MemoryDto> {
    return this.memories.update(id, input, version);
  }

  /** Deletes a memory; those before and after it stay. */
  @Delete(':id')
  @HttpCode(204)
  @Access('knowledge:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.memories.delete(id, version);
  }

  /** Puts something in the place of a memory, which stays readable. */
  @Post(':id/successors')
  @Access('knowledge:write', { etag: true, location: '/v1/memories' })
  supersede(@Param('id', IdPipe) id: string, @Body() input: CreateSuccessorDto): Promise<MemoryDto> {
    return this.memories.supersede(id, input);
  }
}
