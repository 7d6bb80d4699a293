import { Controller, Get, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { DataKeysService } from './data-keys.service.js';
import { DataKeyDto, DataKeyList } from './data-key.dto.js';

@ApiTags('retention')
@Controller('v1/data-keys')
export class DataKeysController {
  constructor(private readonly keys: DataKeysService) {}

  /** Lists the keys that encrypt sensitive columns of this tenant, newest first. */
  @Get()
  @Access('retention:read')
  list(): Promise<DataKeyList> {
    return this.keys.list();
  }

  /** Makes a new key the active one; what earlier ones encrypted stays readable and is encrypted anew in the background. */
  @Post('rotation')
  @Access('retention:write')
  rotate(): Promise<DataKeyDto> {
    return this.keys.rotate();
  }
}
