import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, gone } from '@agent-hive/kernel/http';
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
