import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { ClaimDto, ClaimedDto } from './claim.dto.js';
import { ClaimsService } from './claims.service.js';

@ApiTags('tasks')
@Controller('v1/claims')
export class ClaimsController {
  constructor(private readonly claims: ClaimsService) {}

  /** Claims ready tasks for an agent: within a queue by priority, then age; queues take turns by their weights. */
  @Post()
  @HttpCode(200)
  @Access('tasks:claim')
  claim(@Body() input: ClaimDto, @Res({ passthrough: true }) reply: FastifyReply): Promise<ClaimedDto> {
    return this.claims.claim(input, gone(reply));
  }
}

/** Aborts when the client hangs up before it is answered; after the answer it means nothing any more. */
function gone({ raw }: FastifyReply): AbortSignal {
  const abort = new AbortController();
  raw.once('close', () => abort.abort());
  return abort.signal;
}
