import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateDocumentDto, DOCUMENT_BODY_MAX_BYTES, DocumentDto, DocumentPage, DocumentQuery, UpdateDocumentDto } from './document.dto.js';
import { DocumentsService } from './documents.service.js';

@ApiTags('knowledge')
@Controller('v1/documents')
export class DocumentsController {
  constructor(private readonly documents: DocumentsService) {}

  /** Makes a document with its first version. */
  @Post()
  @Access('knowledge:write', { etag: true, location: '/v1/documents', bodyLimitBytes: DOCUMENT_BODY_MAX_BYTES })
  create(@Body() input: CreateDocumentDto): Promise<DocumentDto> {
    return this.documents.create(input);
  }

  /** Lists documents without their texts, newest first. */
  @Get()
  @Access('knowledge:read')
  list(@Query() query: DocumentQuery): Promise<DocumentPage> {
    return this.documents.list(query);
  }

  /** Reads a document with its current text. */
  @Get(':id')
  @Access('knowledge:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<DocumentDto> {
    return this.documents.get(id);
  }

  /** Changes what is said of a document; its text changes by new versions. */
  @Patch(':id')
  @Access('knowledge:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateDocumentDto, @IfMatch() version: number | null): Promise<DocumentDto> {
    return this.documents.update(id, input, version);
  }

  /** Deletes a document with all its versions. */
  @Delete(':id')
  @HttpCode(204)
  @Access('knowledge:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.documents.delete(id, version);
  }
}
