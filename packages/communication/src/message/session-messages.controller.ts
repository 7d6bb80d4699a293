import type { Readable } from 'node:stream';
import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiExtraModels, ApiHeader, ApiOkResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { SessionDto } from '@agent-hive/agents';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { CreateForkDto } from './fork.dto.js';
import { ForksService } from './forks.service.js';
import { APPEND_MAX, MessageBodyPipe } from './message-body.pipe.js';
import { MessageStreamsService } from './message-streams.service.js';
import { CreateMessageDto, MessageDto, MessagesDto } from './message.dto.js';
import { MessagePage, MessageQuery, StreamQuery, SessionUsageDto } from './message-query.dto.js';
import { MessagesService } from './messages.service.js';

const APPEND_MAX_BYTES = 2 * 1024 * 1024;
const MESSAGE = { $ref: getSchemaPath(CreateMessageDto) };

@ApiTags('messages')
@ApiExtraModels(CreateMessageDto, MessageDto, MessagesDto)
@Controller('v1/sessions/:id')
export class SessionMessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly streams: MessageStreamsService,
    private readonly forks: ForksService,
  ) {}

  /** Appends a message, or a list of them in their order, all or none. */
  @Post('messages')
  @Access('messages:write', { location: '/v1/messages', bodyLimitBytes: APPEND_MAX_BYTES })
  @ApiBody({ schema: { oneOf: [MESSAGE, { type: 'array', items: MESSAGE, minItems: 1, maxItems: APPEND_MAX }] } })
  @ApiCreatedResponse({ schema: { oneOf: [{ $ref: getSchemaPath(MessageDto) }, { $ref: getSchemaPath(MessagesDto) }] }, description: 'The message with its sequence; `items` of a list' })
  async append(@Param('id', IdPipe) id: string, @Body(MessageBodyPipe) input: CreateMessageDto | CreateMessageDto[]): Promise<MessageDto | MessagesDto> {
    return Array.isArray(input) ? { items: await this.messages.appendAll(id, input) } : this.messages.append(id, input);
  }

  /** Lists messages of a session: the newest first, or what comes after a sequence, oldest first. */
  @Get('messages')
  @Access('messages:read')
  list(@Param('id', IdPipe) id: string, @Query() query: MessageQuery): Promise<MessagePage> {
    return this.messages.list(id, query);
  }

  /** Streams messages as they come (server-sent events); the id of an event is its sequence. */
  @Get('messages/stream')
  @Access('messages:read')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Sequence of the last message that the reader has; the stream goes on after it', schema: { type: 'string', pattern: '^\\d{1,15}$' } })
  @ApiOkResponse({ description: 'Events whose data is a Message; comments in between keep the connection alive', content: { 'text/event-stream': { schema: { type: 'string' } } } })
  stream(@Param('id', IdPipe) id: string, @Query() { after = 0 }: StreamQuery, @Headers('last-event-id') lastEventId: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): Promise<Readable> {
    return this.streams.open(reply, id, lastEventId, after);
  }

  /** Tells the tokens that a session's own messages have cost, by model. */
  @Get('usage')
  @Access('messages:read')
  getUsage(@Param('id', IdPipe) id: string): Promise<SessionUsageDto> {
    return this.messages.usage(id);
  }

  /** Starts a session that branches off at a message and shares what was said until then. */
  @Post('fork')
  @Access('sessions:write', { location: '/v1/sessions', etag: true })
  fork(@Param('id', IdPipe) id: string, @Body() input: CreateForkDto): Promise<SessionDto> {
    return this.forks.create(id, input);
  }
}
