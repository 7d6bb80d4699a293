import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiProduces, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { Public } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { LivenessDto, ReadinessDto } from './health.dto.js';
import { Metrics } from './metrics.js';
import { Readiness } from './readiness.js';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
  ) {}

  /** Tells that the process runs; restart it when this fails. */
  @Get('livez')
  @Public()
  live(): LivenessDto {
    return { status: 'alive' };
  }

  /** Tells whether the process should get requests, with each check; 503 when it should not. */
  @Get('readyz')
  @Public()
  @ApiServiceUnavailableResponse({ type: ReadinessDto, description: 'It should not: the checks say why' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadinessDto> {
    const readiness = await this.readiness.check();
    if (!readiness.ready) void reply.code(503);
    return readiness;
  }

  /** Gives the metrics of the process in the text format of Prometheus. */
  @Get('metrics')
  @Public()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiProduces('text/plain')
  read(): Promise<string> {
    return this.metrics.read();
  }
}
