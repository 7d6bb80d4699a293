import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, ANYONE_KNOWN } from '@agent-hive/kernel/http';
import { MeDto } from './me.dto.js';

@ApiTags('identity')
@Controller('v1/me')
export class MeController {
  /** Tells the caller who it is and what it may. */
  @Get()
  @Access(ANYONE_KNOWN)
  get(): MeDto {
    return MeDto.ofCaller();
  }
}
