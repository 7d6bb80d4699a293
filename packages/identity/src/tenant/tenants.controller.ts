import { Readable } from 'node:stream';
import { Body, Controller, Delete, Get, Param, Post, Put, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreatedTenantDto, CreateTenantDto, SuspendTenantDto, TenantDto, TenantReceiptDto } from './tenant.dto.js';
import { TenantsService } from './tenants.service.js';

@ApiTags('identity')
@Controller('v1/tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  /** Creates a tenant with its first key; only the platform may. */
  @Post()
  @Access('tenants:write', { etag: true, location: '/v1/tenants', shownOnce: ['adminKey.key'] })
  create(@Body() input: CreateTenantDto): Promise<CreatedTenantDto> {
    return this.tenants.create(input);
  }

  /** Reads the caller's own tenant; the platform reads any. */
  @Get(':id')
  @Access('tenants:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<TenantDto> {
    return this.tenants.get(id);
  }

  /** Suspends a tenant: its keys open nothing. */
  @Put(':id/suspension')
  @Access('tenants:write', { etag: true })
  suspend(@Param('id', IdPipe) id: string, @Body() { reason }: SuspendTenantDto, @IfMatch() version: number | null | undefined): Promise<TenantDto> {
    return this.tenants.suspend(id, reason, version);
  }

  /** Resumes a suspended tenant. */
  @Delete(':id/suspension')
  @Access('tenants:write', { etag: true })
  resume(@Param('id', IdPipe) id: string, @IfMatch() version: number | null | undefined): Promise<TenantDto> {
    return this.tenants.resume(id, version);
  }

  /** Streams every row of the tenant as NDJSON, without secrets. */
  @Get(':id/export')
  @Access('tenants:export')
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({ schema: { type: 'string' } })
  async export(@Param('id', IdPipe) id: string): Promise<StreamableFile> {
    return new StreamableFile(Readable.from(await this.tenants.export(id)), { type: 'application/x-ndjson' });
  }

  /** Deletes a suspended tenant, never the default one, and answers with a receipt per table. */
  @Delete(':id')
  @Access('tenants:write')
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null | undefined): Promise<TenantReceiptDto> {
    return this.tenants.delete(id, version);
  }
}
