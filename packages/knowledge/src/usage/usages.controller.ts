import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { CreateUsageDto, KnowledgeUsageDto, KnowledgeUsagePage, KnowledgeUsageQuery } from './usage.dto.js';
import { UsagesService } from './usages.service.js';

@ApiTags('knowledge')
@Controller('v1/knowledge/usages')
export class UsagesController {
  constructor(private readonly usages: UsagesService) {}

  /** Records that a document or memory was used, and whether it helped. */
  @Post()
  @Access('knowledge:write')
  create(@Body() input: CreateUsageDto): Promise<KnowledgeUsageDto> {
    return this.usages.create(input);
  }

  /** Lists what was used, newest first. */
  @Get()
  @Access('knowledge:read')
  list(@Query() query: KnowledgeUsageQuery): Promise<KnowledgeUsagePage> {
    return this.usages.list(query);
  }
}
