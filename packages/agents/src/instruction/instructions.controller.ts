import { Body, Controller, Delete, Get, HttpCode, Param, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import type { FastifyReply } from 'fastify';
import { InstructionDto, PutInstructionDto } from './instruction.dto.js';
import { InstructionsService } from './instructions.service.js';

@ApiTags('instructions')
@Controller('v1/agents/:id/instructions')
export class InstructionsController {
  constructor(private readonly instructions: InstructionsService) {}

  /** Gives an agent its instruction, or replaces the one it has; If-Match is checked when it is sent. */
  @Put()
  @Access('agents:write', { etag: true })
  @ApiOkResponse({ type: InstructionDto })
  @ApiCreatedResponse({ type: InstructionDto })
  async upsert(
    @Param('id', IdPipe) id: string,
    @Body() input: PutInstructionDto,
    @IfMatch() version: number | null | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InstructionDto> {
    const { instruction, created } = await this.instructions.upsert(id, input, version);
    if (created) void reply.code(201);
    return instruction;
  }

  /** Reads the instruction of an agent. */
  @Get()
  @Access('agents:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<InstructionDto> {
    return this.instructions.get(id);
  }

  /** Takes the instruction of an agent away, with its capabilities, knowledge domains and prompt templates. */
  @Delete()
  @HttpCode(204)
  @Access('agents:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.instructions.delete(id, version);
  }
}
