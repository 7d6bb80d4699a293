import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { EstimateDto } from './estimate.dto.js';
import { EstimatesService } from './estimates.service.js';

@ApiTags('tasks')
@Controller('v1/tasks/:id/estimate')
export class EstimatesController {
  constructor(private readonly estimates: EstimatesService) {}

  /** Tells how long tasks like this one took, how often they failed, and how many samples that rests on. */
  @Get()
  @Access('tasks:read')
  get(@Param('id', IdPipe) id: string): Promise<EstimateDto> {
    return this.estimates.get(id);
  }
}
