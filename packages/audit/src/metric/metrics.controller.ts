import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { MetricQuery, MetricSeriesDto, MetricsRecordedDto, RecordMetricsDto } from './metric.dto.js';
import { MetricsService } from './metrics.service.js';

@ApiTags('metrics')
@Controller('v1/metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  /** Records measured values, all or none. */
  @Post()
  @Access('metrics:write')
  record(@Body() input: RecordMetricsDto): Promise<MetricsRecordedDto> {
    return this.metrics.record(input);
  }

  /** Reads a metric over time, by hour, day or week. */
  @Get()
  @Access('metrics:read')
  get(@Query() query: MetricQuery): Promise<MetricSeriesDto> {
    return this.metrics.get(query);
  }
}
