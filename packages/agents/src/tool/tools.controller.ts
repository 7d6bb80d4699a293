import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateToolDto, ToolDto, ToolPage, ToolQuery, UpdateToolDto } from './tool.dto.js';
import { ToolsService } from './tools.service.js';

@ApiTags('tools')
@Controller('v1/tools')
export class ToolsController {
  constructor(private readonly tools: ToolsService) {}

  /** Registers a version of a tool. */
  @Post()
  @Access('tools:write', { etag: true, location: '/v1/tools' })
  create(@Body() input: CreateToolDto): Promise<ToolDto> {
    return this.tools.create(input);
  }

  /** Lists tools, newest first. */
  @Get()
  @Access('tools:read')
  list(@Query() query: ToolQuery): Promise<ToolPage> {
    return this.tools.list(query);
  }

  /** Reads one version of a tool. */
  @Get(':id')
  @Access('tools:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<ToolDto> {
    return this.tools.get(id);
  }

  /** Changes what is said of a version; its name, version and schema are fixed. */
  @Patch(':id')
  @Access('tools:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateToolDto, @IfMatch() revision: number | null): Promise<ToolDto> {
    return this.tools.update(id, input, revision);
  }

  /** Deletes a version that no agent has a grant on. */
  @Delete(':id')
  @HttpCode(204)
  @Access('tools:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() revision: number | null): Promise<void> {
    return this.tools.delete(id, revision);
  }
}
