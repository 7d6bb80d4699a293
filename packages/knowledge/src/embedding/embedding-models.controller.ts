import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateEmbeddingModelDto, EmbeddingModelDto, EmbeddingModelPage, EmbeddingModelQuery, PutVectorsDto, VECTORS_BODY_MAX_BYTES, VectorsStoredDto } from './embedding-model.dto.js';
import { EmbeddingModelsService } from './embedding-models.service.js';

@ApiTags('knowledge')
@Controller('v1/embedding-models')
export class EmbeddingModelsController {
  constructor(private readonly models: EmbeddingModelsService) {}

  /** Adds a model, which begins to embed what there is. */
  @Post()
  @Access('knowledge:write', { location: '/v1/embedding-models' })
  create(@Body() input: CreateEmbeddingModelDto): Promise<EmbeddingModelDto> {
    return this.models.create(input);
  }

  /** Lists models with their progress, newest first. */
  @Get()
  @Access('knowledge:read')
  list(@Query() query: EmbeddingModelQuery): Promise<EmbeddingModelPage> {
    return this.models.list(query);
  }

  /** Reads a model with its progress. */
  @Get(':id')
  @Access('knowledge:read')
  get(@Param('id', IdPipe) id: string): Promise<EmbeddingModelDto> {
    return this.models.get(id);
  }

  /** Deletes a model with its vectors. */
  @Delete(':id')
  @HttpCode(204)
  @Access('knowledge:write')
  delete(@Param('id', IdPipe) id: string): Promise<void> {
    return this.models.delete(id);
  }

  /** Makes a model the one that search uses when told nothing. */
  @Put(':id/default')
  @Access('knowledge:write')
  makeDefault(@Param('id', IdPipe) id: string): Promise<EmbeddingModelDto> {
    return this.models.makeDefault(id);
  }

  /** Has a model embed everything again, in the background. */
  @Post(':id/reindex')
  @HttpCode(202)
  @Access('knowledge:write')
  reindex(@Param('id', IdPipe) id: string): Promise<EmbeddingModelDto> {
    return this.models.reindex(id);
  }

  /** Stores vectors that the caller has computed. */
  @Post(':id/embeddings')
  @HttpCode(200)
  @Access('knowledge:write', { bodyLimitBytes: VECTORS_BODY_MAX_BYTES })
  putVectors(@Param('id', IdPipe) id: string, @Body() input: PutVectorsDto): Promise<VectorsStoredDto> {
    return this.models.putVectors(id, input);
  }
}
