import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { DeliveriesService } from './deliveries.service.js';
import { AcknowledgeDto, DeadLetterQuery, DeliveryDto, DeliveryPage, DeliveryQuery, RejectDto } from './delivery.dto.js';
import { DeliveryReportDto } from './report.dto.js';
import { ReportsService } from './reports.service.js';

@ApiTags('mail')
@Controller('v1')
export class DeliveriesController {
  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly reports: ReportsService,
  ) {}

  /** Reads a delivery. */
  @Get('deliveries/:id')
  @Access('mail:read')
  get(@Param('id', IdPipe) id: string): Promise<DeliveryDto> {
    return this.deliveries.get(id);
  }

  /** Acknowledges a delivery: it is never handed out again. Once more, it changes nothing. */
  @Post('deliveries/:id/acknowledgement')
  @HttpCode(200)
  @Access('mail:receive')
  acknowledge(@Param('id', IdPipe) id: string, @Body() input: AcknowledgeDto): Promise<DeliveryDto> {
    return this.deliveries.acknowledge(id, input);
  }

  /** Rejects a delivery that was handed out: it is handed out again after a pause, or becomes a dead letter. */
  @Post('deliveries/:id/rejection')
  @HttpCode(200)
  @Access('mail:receive')
  reject(@Param('id', IdPipe) id: string, @Body() input: RejectDto): Promise<DeliveryDto> {
    return this.deliveries.reject(id, input);
  }

  /** Puts a dead letter back among what waits, with all hand-outs anew and without a time to live. */
  @Post('deliveries/:id/redrive')
  @HttpCode(200)
  @Access('mail:write')
  redrive(@Param('id', IdPipe) id: string): Promise<DeliveryDto> {
    return this.deliveries.redrive(id);
  }

  /** Lists dead letters, newest first: what was rejected for good, and what used up its deliveries. */
  @Get('dead-letters')
  @Access('mail:read')
  listDeadLetters(@Query() query: DeadLetterQuery): Promise<DeliveryPage> {
    return this.deliveries.listDeadLetters(query);
  }

  /** Lists the deliveries of a message, by agent. */
  @Get('agent-messages/:id/deliveries')
  @Access('mail:read')
  listByMessage(@Param('id', IdPipe) id: string, @Query() query: DeliveryQuery): Promise<DeliveryPage> {
    return this.deliveries.listByMessage(id, query);
  }

  /** Tells what has become of a message: counts by state, and latency. */
  @Get('agent-messages/:id/report')
  @Access('mail:read')
  report(@Param('id', IdPipe) id: string): Promise<DeliveryReportDto> {
    return this.reports.ofMessage(id);
  }
}
