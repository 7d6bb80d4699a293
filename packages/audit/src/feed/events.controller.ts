import type { Readable } from 'node:stream';
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { EventPage, EventQuery, EventStreamQuery } from './event.dto.js';
import { EventsService } from './events.service.js';
import { FeedStreamsService } from './feed-streams.service.js';

@ApiTags('events')
@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly events: EventsService,
    private readonly streams: FeedStreamsService,
  ) {}

  /** Lists events of the feed, oldest first, from a sequence on. */
  @Get()
  @Access('audit:read')
  list(@Query() query: EventQuery): Promise<EventPage> {
    return this.events.list(query);
  }

  /** Streams events as they are sealed (server-sent events); the id of an event is its sequence. */
  @Get('stream')
  @Access('audit:read')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Sequence of the last event that the reader has; the stream goes on after it', schema: { type: 'string', pattern: '^\\d{1,15}$' } })
  @ApiOkResponse({ description: 'Events whose data is an Event; comments in between keep the connection alive', content: { 'text/event-stream': { schema: { type: 'string' } } } })
  stream(@Query() query: EventStreamQuery, @Headers('last-event-id') lastEventId: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<Readable> {
    return this.streams.open(reply, lastEventId, query);
  }
}
