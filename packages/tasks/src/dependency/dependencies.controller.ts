import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { DependenciesService } from './dependencies.service.js';
import { DependenciesDto, DependencyDto, PutDependencyDto } from './dependency.dto.js';

@ApiTags('tasks')
@Controller('v1/tasks/:id/dependencies')
export class DependenciesController {
  constructor(private readonly dependencies: DependenciesService) {}

  /** Lists what a task waits for, and what waits for it. */
  @Get()
  @Access('tasks:read')
  list(@Param('id', IdPipe) id: string): Promise<DependenciesDto> {
    return this.dependencies.list(id);
  }

  /** Makes a task wait for another. */
  @Put(':otherId')
  @Access('tasks:write')
  upsert(@Param('id', IdPipe) id: string, @Param('otherId', IdPipe) otherId: string, @Body() { type }: PutDependencyDto): Promise<DependencyDto> {
    return this.dependencies.upsert(id, otherId, type);
  }

  /** Makes a task wait for another no more. */
  @Delete(':otherId')
  @HttpCode(204)
  @Access('tasks:write')
  delete(@Param('id', IdPipe) id: string, @Param('otherId', IdPipe) otherId: string): Promise<void> {
    return this.dependencies.delete(id, otherId);
  }
}
