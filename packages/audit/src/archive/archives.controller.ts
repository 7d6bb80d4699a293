import { Readable } from 'node:stream';
import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { ArchiveDto, ArchivePage, ArchiveQuery } from './archive.dto.js';
import { ArchivesService } from './archives.service.js';

@ApiTags('retention')
@Controller('v1/archives')
export class ArchivesController {
  constructor(private readonly archives: ArchivesService) {}

  /** Lists what left the database by policy, newest first. */
  @Get()
  @Access('retention:read')
  list(@Query() query: ArchiveQuery): Promise<ArchivePage> {
    return this.archives.list(query);
  }

  /** Reads one archive's proof. */
  @Get(':id')
  @Access('retention:read')
  get(@Param('id', IdPipe) id: string): Promise<ArchiveDto> {
    return this.archives.get(id);
  }

  /** Streams an archive's rows as NDJSON, after its digest was checked. */
  @Get(':id/rows')
  @Access('audit:read')
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({ schema: { type: 'string' } })
  async rows(@Param('id', IdPipe) id: string): Promise<StreamableFile> {
    const rows = await this.archives.rows(id);
    return new StreamableFile(Readable.from(rows.map((row) => `${row}\n`)), { type: 'application/x-ndjson' });
  }
}
