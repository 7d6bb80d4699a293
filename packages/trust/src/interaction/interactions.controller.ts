import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, gone, IdPipe } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { AnswersService } from './answers.service.js';
import { CancelInteractionDto, CreateInteractionDto, InteractionQuery, InteractionWaitQuery, RespondDto, UseDto } from './interaction.dto.js';
import { InteractionDto, InteractionPage } from './interaction-view.dto.js';
import { InteractionsService } from './interactions.service.js';

@ApiTags('interactions')
@Controller('v1/interactions')
export class InteractionsController {
  constructor(
    private readonly interactions: InteractionsService,
    private readonly answers: AnswersService,
  ) {}

  /** Asks something of a person. */
  @Post()
  @Access('interactions:write', { location: '/v1/interactions' })
  create(@Body() input: CreateInteractionDto): Promise<InteractionDto> {
    return this.interactions.create(input);
  }

  /** Lists interactions; told to wait, it answers as soon as there is one. */
  @Get()
  @Access('interactions:read')
  list(@Query() query: InteractionQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<InteractionPage> {
    return this.interactions.list(query, gone(reply));
  }

  /** Reads an interaction; told to wait, it answers as soon as that one is pending no more. */
  @Get(':id')
  @Access('interactions:read')
  get(@Param('id', IdPipe) id: string, @Query() { waitSeconds }: InteractionWaitQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<InteractionDto> {
    return this.interactions.get(id, { waitSeconds, signal: gone(reply) });
  }

  /** Answers an interaction. */
  @Post(':id/response')
  @HttpCode(200)
  @Access('interactions:respond')
  respond(@Param('id', IdPipe) id: string, @Body() input: RespondDto): Promise<InteractionDto> {
    return this.answers.respond(id, input);
  }

  /** Uses an approval up, for the action that it was given for. */
  @Post(':id/use')
  @HttpCode(200)
  @Access('interactions:write')
  use(@Param('id', IdPipe) id: string, @Body() { action }: UseDto): Promise<InteractionDto> {
    return this.answers.use(id, action);
  }

  /** Takes a question back. */
  @Post(':id/cancellation')
  @HttpCode(200)
  @Access('interactions:write')
  cancel(@Param('id', IdPipe) id: string, @Body() input: CancelInteractionDto): Promise<InteractionDto> {
    return this.answers.cancel(id, input);
  }
}
