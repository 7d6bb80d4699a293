import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, PageQuery } from '@agent-hive/kernel/http';
import { CreateErasureDto, ErasureDto, ErasurePage } from './erasure.dto.js';
import { ErasuresService } from './erasures.service.js';

@ApiTags('retention')
@Controller('v1/erasures')
export class ErasuresController {
  constructor(private readonly erasures: ErasuresService) {}

  /** Erases a user or an agent from every table and archive, and answers with a receipt for each. Can be repeated. */
  @Post()
  @Access('retention:write', { location: '/v1/erasures', transaction: false })
  create(@Body() input: CreateErasureDto): Promise<ErasureDto> {
    return this.erasures.create(input);
  }

  /** Lists receipts, newest first. */
  @Get()
  @Access('retention:read')
  list(@Query() query: PageQuery): Promise<ErasurePage> {
    return this.erasures.list(query);
  }

  /** Reads one receipt. */
  @Get(':id')
  @Access('retention:read')
  get(@Param('id', IdPipe) id: string): Promise<ErasureDto> {
    return this.erasures.get(id);
  }
}
