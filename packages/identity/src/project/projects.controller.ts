import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch, PageQuery } from '@agent-hive/kernel/http';
import { CreateProjectDto, ProjectDto, ProjectPage, ProjectQuery, ProjectStatePage, PutProjectStateDto, UpdateProjectDto } from './project.dto.js';
import { ProjectsService } from './projects.service.js';

@ApiTags('identity')
@Controller('v1/projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  /** Creates a project in planning. */
  @Post()
  @Access('projects:write', { etag: true, location: '/v1/projects' })
  create(@Body() input: CreateProjectDto): Promise<ProjectDto> {
    return this.projects.create(input);
  }

  /** Lists projects, newest first. */
  @Get()
  @Access('projects:read')
  list(@Query() query: ProjectQuery): Promise<ProjectPage> {
    return this.projects.list(query);
  }

  /** Reads a project. */
  @Get(':id')
  @Access('projects:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<ProjectDto> {
    return this.projects.get(id);
  }

  /** Changes a project. */
  @Patch(':id')
  @Access('projects:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateProjectDto, @IfMatch() version: number | null): Promise<ProjectDto> {
    return this.projects.update(id, input, version);
  }

  /** Moves a project to another state; the change joins its history. */
  @Put(':id/state')
  @Access('projects:write', { etag: true })
  move(@Param('id', IdPipe) id: string, @Body() input: PutProjectStateDto, @IfMatch() version: number | null | undefined): Promise<ProjectDto> {
    return this.projects.move(id, input, version);
  }

  /** Lists the states that a project went through, newest first. */
  @Get(':id/states')
  @Access('projects:read')
  listStates(@Param('id', IdPipe) id: string, @Query() query: PageQuery): Promise<ProjectStatePage> {
    return this.projects.listStates(id, query);
  }

  /** Deletes a project that nothing refers to. */
  @Delete(':id')
  @HttpCode(204)
  @Access('projects:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.projects.delete(id, version);
  }
}
