import { Module } from '@nestjs/common';
import { AuditHooks } from './audit.hooks.js';
import { DataKeysController } from './encryption/data-keys.controller.js';
import { DataKeysService } from './encryption/data-keys.service.js';
import { EncryptionService } from './encryption/encryption.service.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';

@Module({
  controllers: [EntriesController, DataKeysController],
  providers: [EntriesService, AuditHooks, EncryptionService, DataKeysService],
  exports: [EntriesService, AuditHooks, EncryptionService, DataKeysService],
})
export class AuditModule {}
