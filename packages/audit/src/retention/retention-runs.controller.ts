import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, PageQuery } from '@agent-hive/kernel/http';
import { CreateRetentionRunDto, RetentionRunDto, RetentionRunPage } from './retention-run.dto.js';
import { RetentionRunsService } from './retention-runs.service.js';

@ApiTags('retention')
@Controller('v1/retention-runs')
export class RetentionRunsController {
  constructor(private readonly runs: RetentionRunsService) {}

  /** Applies the policies now, or with dryRun counts what would go. One that fails says why; what it had not stored stays. */
  @Post()
  @Access('retention:write', { location: '/v1/retention-runs', transaction: false })
  create(@Body() { dryRun }: CreateRetentionRunDto): Promise<RetentionRunDto> {
    return this.runs.create({ dryRun: dryRun ?? false });
  }

  /** Lists runs, newest first. */
  @Get()
  @Access('retention:read')
  list(@Query() query: PageQuery): Promise<RetentionRunPage> {
    return this.runs.list(query);
  }

  /** Reads one run. */
  @Get(':id')
  @Access('retention:read')
  get(@Param('id', IdPipe) id: string): Promise<RetentionRunDto> {
    return this.runs.get(id);
  }
}
