import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { ConsistencyReportDto } from './consistency-check.dto.js';
import { ConsistencyService } from './consistency.service.js';

@ApiTags('audit')
@Controller('v1/consistency-checks')
export class ConsistencyChecksController {
  constructor(private readonly consistency: ConsistencyService) {}

  /** Looks for rows that refer to nothing and for counters that are off, in every domain, and names them. */
  @Post()
  @HttpCode(200)
  @Access('audit:read', { transaction: false })
  create(): Promise<ConsistencyReportDto> {
    return this.consistency.check();
  }
}
