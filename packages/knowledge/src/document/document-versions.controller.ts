import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateDocumentVersionDto, DOCUMENT_BODY_MAX_BYTES, RestoreDocumentDto } from './document.dto.js';
import { DiffQuery, DocumentDiffDto, DocumentVersionDto, DocumentVersionPage, DocumentVersionParams, DocumentVersionQuery } from './document-version.dto.js';
import { DocumentVersionsService } from './document-versions.service.js';

@ApiTags('knowledge')
@Controller('v1/documents/:id')
export class DocumentVersionsController {
  constructor(private readonly versions: DocumentVersionsService) {}

  /** Makes a text the current version of a document. */
  @Post('versions')
  @Access('knowledge:write', { bodyLimitBytes: DOCUMENT_BODY_MAX_BYTES })
  create(@Param('id', IdPipe) id: string, @Body() input: CreateDocumentVersionDto, @IfMatch() version: number | null | undefined): Promise<DocumentVersionDto> {
    return this.versions.create(id, input, version);
  }

  /** Lists the versions of a document without their texts, newest first. */
  @Get('versions')
  @Access('knowledge:read')
  list(@Param('id', IdPipe) id: string, @Query() query: DocumentVersionQuery): Promise<DocumentVersionPage> {
    return this.versions.list(id, query);
  }

  /** Reads one version of a document with its text. */
  @Get('versions/:number')
  @Access('knowledge:read')
  get(@Param() { id, number }: DocumentVersionParams): Promise<DocumentVersionDto> {
    return this.versions.get(id, number);
  }

  /** Compares two versions of a document line by line. */
  @Get('diff')
  @Access('knowledge:read')
  diff(@Param('id', IdPipe) id: string, @Query() query: DiffQuery): Promise<DocumentDiffDto> {
    return this.versions.diff(id, query);
  }

  /** Makes the text of an earlier version the current one, as a new version. */
  @Post('restorations')
  @Access('knowledge:write')
  restore(@Param('id', IdPipe) id: string, @Body() input: RestoreDocumentDto, @IfMatch() version: number | null | undefined): Promise<DocumentVersionDto> {
    return this.versions.restore(id, input, version);
  }
}
