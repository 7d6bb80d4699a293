import { Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { SuggestionDto, SuggestionPage, SuggestionQuery, UpdateSuggestionDto } from './suggestion.dto.js';
import { SuggestionsService } from './suggestions.service.js';

@ApiTags('reviews')
@Controller('v1/optimization-suggestions')
export class SuggestionsController {
  constructor(private readonly suggestions: SuggestionsService) {}

  /** Lists what the hive would change, newest first. */
  @Get()
  @Access('reviews:read')
  list(@Query() query: SuggestionQuery): Promise<SuggestionPage> {
    return this.suggestions.list(query);
  }

  /** Reads a suggestion with its evidence and, once it was measured, its effect. */
  @Get(':id')
  @Access('reviews:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<SuggestionDto> {
    return this.suggestions.get(id);
  }

  /** Accepts or rejects a suggestion, or says that it is implemented. */
  @Patch(':id')
  @Access('reviews:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateSuggestionDto, @IfMatch() version: number | null): Promise<SuggestionDto> {
    return this.suggestions.update(id, input, version);
  }
}
