import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, PageQuery } from '@agent-hive/kernel/http';
import { ApiKeyDto, ApiKeyPage, CreateApiKeyDto, CreatedApiKeyDto, RotateApiKeyDto } from './api-key.dto.js';
import { ApiKeysService } from './api-keys.service.js';

@ApiTags('identity')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** Makes a key; its secret is in this answer only. */
  @Post()
  @Access('keys:write', { location: '/v1/api-keys', shownOnce: ['key'] })
  create(@Body() input: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    return this.keys.create(input);
  }

  /** Lists keys, newest first, without their secrets. */
  @Get()
  @Access('keys:read')
  list(@Query() query: PageQuery): Promise<ApiKeyPage> {
    return this.keys.list(query);
  }

  /** Reads a key, without its secret. */
  @Get(':id')
  @Access('keys:read')
  get(@Param('id', IdPipe) id: string): Promise<ApiKeyDto> {
    return this.keys.get(id);
  }

  /** Revokes a key at once. */
  @Delete(':id')
  @HttpCode(204)
  @Access('keys:write')
  revoke(@Param('id', IdPipe) id: string): Promise<void> {
    return this.keys.revoke(id);
  }

  /** Replaces a key by a new one with the same rights; the old one may overlap for up to seven days. */
  @Post(':id/rotation')
  @Access('keys:write', { location: '/v1/api-keys', shownOnce: ['key'] })
  rotate(@Param('id', IdPipe) id: string, @Body() input: RotateApiKeyDto): Promise<CreatedApiKeyDto> {
    return this.keys.rotate(id, input);
  }
}
