import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, gone, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { InboxDto, InboxQuery } from './delivery.dto.js';
import { InboxService } from './inbox.service.js';
import { DeliveryReportDto, ReportQuery } from './report.dto.js';
import { ReportsService } from './reports.service.js';

@ApiTags('mail')
@Controller('v1/agents/:id')
export class InboxController {
  constructor(
    private readonly inbox: InboxService,
    private readonly reports: ReportsService,
  ) {}

  /** Hands out what waits for an agent: the higher priority first, then the older. Each is the agent's until it is acknowledged, rejected, or its visibility timeout ends. */
  @Get('inbox')
  @Access('mail:receive')
  receive(@Param('id', IdPipe) id: string, @Query() query: InboxQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<InboxDto> {
    return this.inbox.receive(id, query, gone(reply));
  }

  /** Tells what has become of the messages that were sent to an agent: counts by state, and latency. */
  @Get('delivery-report')
  @Access('mail:read')
  report(@Param('id', IdPipe) id: string, @Query() query: ReportQuery): Promise<DeliveryReportDto> {
    return this.reports.ofAgent(id, query);
  }
}
