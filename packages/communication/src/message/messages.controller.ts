import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { MessageReviewsService } from './message-reviews.service.js';
import { FeedbackDto, MessageDto, RedactionDto } from './message.dto.js';
import { FoundMessagePage, SearchQuery } from './message-query.dto.js';
import { MessagesService } from './messages.service.js';

@ApiTags('messages')
@Controller('v1/messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly reviews: MessageReviewsService,
  ) {}

  /** Finds messages by their words, or by what their channel said, newest first. */
  @Get('search')
  @Access('messages:read')
  search(@Query() query: SearchQuery): Promise<FoundMessagePage> {
    return this.reviews.search(query);
  }

  /** Reads a message. */
  @Get(':id')
  @Access('messages:read')
  get(@Param('id', IdPipe) id: string): Promise<MessageDto> {
    return this.messages.get(id);
  }

  /** Says what is thought of a message. */
  @Put(':id/feedback')
  @Access('messages:write')
  setFeedback(@Param('id', IdPipe) id: string, @Body() input: FeedbackDto): Promise<MessageDto> {
    return this.reviews.judge(id, input);
  }

  /** Takes away what a message says, and keeps the proof that it was said. */
  @Put(':id/redaction')
  @Access('messages:redact')
  redact(@Param('id', IdPipe) id: string, @Body() input: RedactionDto): Promise<MessageDto> {
    return this.reviews.redact(id, input);
  }
}
