import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import type { Insights } from './insights.provider.js';
import { InsightsService } from './insights.service.js';

@ApiTags('agents')
@Controller('v1/agents/:id/insights')
export class InsightsController {
  constructor(private readonly insights: InsightsService) {}

  /** Computes an agent's insights now; a provider's failure is answered as `{error}`. */
  @Post()
  @HttpCode(200)
  @Access('agents:write', { transaction: false })
  @ApiOkResponse({ schema: { type: 'object', additionalProperties: true } })
  refresh(@Param('id', IdPipe) id: string): Promise<Insights> {
    return this.insights.refresh(id);
  }
}
