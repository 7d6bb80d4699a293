import type { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, gone, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { InboxDto, InboxQuery } from './delivery.dto.js';
import { InboxService } from './inbox.service.js';
import { InboxStreamsService } from './inbox-streams.service.js';
import { DeliveryReportDto, ReportQuery } from './report.dto.js';
import { ReportsService } from './reports.service.js';

@ApiTags('mail')
@Controller('v1/agents/:id')
export class InboxController {
  constructor(
    private readonly inbox: InboxService,
    private readonly streams: InboxStreamsService,
    private readonly reports: ReportsService,
  ) {}

  /** Hands out what waits for an agent: the higher priority first, then the older. Each is the agent's until it is acknowledged, rejected, or its visibility timeout ends. */
  @Get('inbox')
  @Access('mail:receive')
  receive(@Param('id', IdPipe) id: string, @Query() query: InboxQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<InboxDto> {
    return this.inbox.receive(id, query, gone(reply));
  }

  /** Streams what comes into an agent's inbox (server-sent events), each delivery once, without handing it out; the id of an event is its place in the inbox. */
  @Get('inbox/stream')
  @Access('mail:receive')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Id of the last event that the reader has; the stream goes on after it. Without one it begins with the oldest delivery that has not ended', schema: { type: 'string', pattern: '^\\d{1,15}$' } })
  @ApiOkResponse({ description: 'Events whose data is a delivery with its message; comments in between keep the connection alive', content: { 'text/event-stream': { schema: { type: 'string' } } } })
  stream(@Param('id', IdPipe) id: string, @Headers('last-event-id') lastEventId: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<Readable> {
    return this.streams.open(reply, id, lastEventId);
  }

  /** Tells what has become of the messages that were sent to an agent: counts by state, and latency. */
  @Get('delivery-report')
  @Access('mail:read')
  report(@Param('id', IdPipe) id: string, @Query() query: ReportQuery): Promise<DeliveryReportDto> {
    return this.reports.ofAgent(id, query);
  }
}
