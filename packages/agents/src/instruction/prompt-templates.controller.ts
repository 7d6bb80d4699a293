import { Body, Controller, Get, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { PromptTemplateDto, PromptTemplatePage, PromptTemplateQuery, PromptTemplatesDto, PromptTemplateVersionDto, PutPromptTemplatesDto } from './prompt-template.dto.js';
import { PromptTemplatesService } from './prompt-templates.service.js';

@ApiTags('instructions')
@Controller('v1/agents/:id/prompt-templates')
export class PromptTemplatesController {
  constructor(private readonly templates: PromptTemplatesService) {}

  /** Lists the active versions of an agent's prompt templates by name. */
  @Get()
  @Access('agents:read')
  list(@Param('id', IdPipe) id: string, @Query() query: PromptTemplateQuery): Promise<PromptTemplatePage> {
    return this.templates.list(id, query);
  }

  /** Gives prompt templates their text; one that differs from the active version becomes a new, active version. */
  @Put()
  @Access('agents:write')
  upsert(@Param('id', IdPipe) id: string, @Body() input: PutPromptTemplatesDto): Promise<PromptTemplatesDto> {
    return this.templates.upsert(id, input);
  }

  /** Lists the versions of one prompt template, newest first. */
  @Get(':name/versions')
  @Access('agents:read')
  listVersions(@Param('id', IdPipe) id: string, @Param('name') name: string, @Query() query: PromptTemplateQuery): Promise<PromptTemplatePage> {
    return this.templates.listVersions(id, name, query);
  }

  /** Makes an existing version of a prompt template the active one. */
  @Put(':name/active')
  @Access('agents:write')
  activate(@Param('id', IdPipe) id: string, @Param('name') name: string, @Body() input: PromptTemplateVersionDto): Promise<PromptTemplateDto> {
    return this.templates.activate(id, name, input);
  }

  /** Brings the text of an earlier version back as a new, active version. */
  @Post(':name/rollbacks')
  @Access('agents:write')
  rollBack(@Param('id', IdPipe) id: string, @Param('name') name: string, @Body() input: PromptTemplateVersionDto): Promise<PromptTemplateDto> {
    return this.templates.rollBack(id, name, input);
  }
}
