import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateLegalHoldDto, LegalHoldDto, LegalHoldPage, LegalHoldQuery, ReleaseLegalHoldDto } from './legal-hold.dto.js';
import { LegalHoldsService } from './legal-holds.service.js';

@ApiTags('retention')
@Controller('v1/legal-holds')
export class LegalHoldsController {
  constructor(private readonly holds: LegalHoldsService) {}

  /** Places a legal hold: nothing about the subject is deleted by policy or erased while it is in force. */
  @Post()
  @Access('retention:write', { location: '/v1/legal-holds' })
  create(@Body() input: CreateLegalHoldDto): Promise<LegalHoldDto> {
    return this.holds.create(input);
  }

  /** Lists holds, those that are over included, newest first. */
  @Get()
  @Access('retention:read')
  list(@Query() query: LegalHoldQuery): Promise<LegalHoldPage> {
    return this.holds.list(query);
  }

  /** Reads one hold. */
  @Get(':id')
  @Access('retention:read')
  get(@Param('id', IdPipe) id: string): Promise<LegalHoldDto> {
    return this.holds.get(id);
  }

  /** Releases a hold, for a reason; it stays in the list. */
  @Delete(':id')
  @Access('retention:write')
  release(@Param('id', IdPipe) id: string, @Body() { reason }: ReleaseLegalHoldDto): Promise<LegalHoldDto> {
    return this.holds.release(id, reason);
  }
}
