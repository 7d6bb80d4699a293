import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { ChunkPage, ChunkQuery } from '../embedding/embedding-model.dto.js';
import { EmbeddingModelsService } from '../embedding/embedding-models.service.js';
import { GapPage, GapQuery, SearchDto, SearchResultDto } from './search.dto.js';
import { SearchService } from './search.service.js';

@ApiTags('knowledge')
@Controller('v1/knowledge')
export class SearchController {
  constructor(
    private readonly searches: SearchService,
    private readonly models: EmbeddingModelsService,
  ) {}

  /** Finds documents and memories by words, by nearness, or by both. */
  @Post('search')
  @HttpCode(200)
  @Access('knowledge:read', { transaction: false })
  search(@Body() input: SearchDto): Promise<SearchResultDto> {
    return this.searches.search(input);
  }

  /** Lists questions that search had no answer to, newest first. */
  @Get('gaps')
  @Access('knowledge:read')
  listGaps(@Query() query: GapQuery): Promise<GapPage> {
    return this.searches.listGaps(query);
  }

  /** Lists the pieces of a document or memory that search finds, in their order. */
  @Get('chunks')
  @Access('knowledge:read')
  listChunks(@Query() query: ChunkQuery): Promise<ChunkPage> {
    return this.models.listChunks(query);
  }
}
