import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Post, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { ExportsService } from './exports.service.js';
import { ProofsService } from './proofs.service.js';
import { CheckpointDto, CheckpointPage, CheckpointQuery, ConsistencyDto, ConsistencyQuery, ExportQuery, SigningKeyList } from './sealing.dto.js';
import { SigningKeysService } from './signing-keys.service.js';
import { CreateVerificationDto, VerificationDto } from './verification.dto.js';
import { VerificationsService } from './verifications.service.js';

@ApiTags('audit')
@Controller('v1/audit')
export class CheckpointsController {
  constructor(
    private readonly proofs: ProofsService,
    private readonly exports: ExportsService,
    private readonly verifications: VerificationsService,
    private readonly keys: SigningKeysService,
  ) {}

  /** Lists the signed roots of the tenant's log, the latest first. */
  @Get('checkpoints')
  @Access('audit:read')
  list(@Query() query: CheckpointQuery): Promise<CheckpointPage> {
    return this.proofs.list(query);
  }

  /** Reads the latest signed root: the note to keep elsewhere. */
  @Get('checkpoints/latest')
  @Access('audit:read')
  latest(): Promise<CheckpointDto> {
    return this.proofs.latest();
  }

  /** Proves that the log of one size begins with the log of a smaller one. */
  @Get('consistency')
  @Access('audit:read')
  consistency(@Query() query: ConsistencyQuery): Promise<ConsistencyDto> {
    return this.proofs.consistency(query);
  }

  /** Verifies the log, all of it or what came after a checkpoint, and names what is not as it was sealed. */
  @Post('verifications')
  @HttpCode(200)
  @Access('audit:read', { transaction: false })
  verify(@Body() input: CreateVerificationDto): Promise<VerificationDto> {
    return this.verifications.create(input);
  }

  /** Streams sealed entries as NDJSON, to be verified elsewhere. */
  @Get('export')
  @Access('audit:read')
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({ schema: { type: 'string' } })
  async export(@Query() query: ExportQuery): Promise<StreamableFile> {
    return new StreamableFile(Readable.from(await this.exports.lines(query)), { type: 'application/x-ndjson' });
  }

  /** Lists the public keys that checkpoints are signed with. */
  @Get('keys')
  @Access('audit:read')
  async listKeys(): Promise<SigningKeyList> {
    return { items: await this.keys.list() };
  }
}
