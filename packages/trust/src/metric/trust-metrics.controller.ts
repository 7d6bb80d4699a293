import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateTrustMetricDto, TrustMetricDto, TrustMetricPage, TrustMetricQuery } from './trust-metric.dto.js';
import { TrustMetricsService } from './trust-metrics.service.js';

@ApiTags('trust')
@Controller('v1/agents/:id/trust/metrics')
export class TrustMetricsController {
  constructor(private readonly metrics: TrustMetricsService) {}

  /** Takes a measurement of an agent that was made outside the hive. */
  @Post()
  @Access('trust:write')
  create(@Param('id', IdPipe) id: string, @Body() input: CreateTrustMetricDto): Promise<TrustMetricDto> {
    return this.metrics.create(id, input);
  }

  /** Lists what was measured of an agent, newest first. */
  @Get()
  @Access('trust:read')
  list(@Param('id', IdPipe) id: string, @Query() query: TrustMetricQuery): Promise<TrustMetricPage> {
    return this.metrics.list(id, query);
  }
}
