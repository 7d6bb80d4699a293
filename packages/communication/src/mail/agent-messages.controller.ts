import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { AgentMessageDto, AgentMessagePage, AgentMessageQuery, SendDto } from './agent-message.dto.js';
import { AgentMessagesService } from './agent-messages.service.js';

@ApiTags('mail')
@Controller('v1/agent-messages')
export class AgentMessagesController {
  constructor(private readonly messages: AgentMessagesService) {}

  /** Sends a message to an agent, to the subscribers of a topic, or to all agents; each recipient gets a delivery of its own. */
  @Post()
  @Access('mail:send', { location: '/v1/agent-messages' })
  send(@Body() input: SendDto): Promise<AgentMessageDto> {
    return this.messages.send(input);
  }

  /** Lists messages, newest first. */
  @Get()
  @Access('mail:read')
  list(@Query() query: AgentMessageQuery): Promise<AgentMessagePage> {
    return this.messages.list(query);
  }

  /** Reads a message. */
  @Get(':id')
  @Access('mail:read')
  get(@Param('id', IdPipe) id: string): Promise<AgentMessageDto> {
    return this.messages.get(id);
  }
}
