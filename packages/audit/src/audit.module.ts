import { Module } from '@nestjs/common';
import { AuditHooks } from './audit.hooks.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';

@Module({
  controllers: [EntriesController],
  providers: [EntriesService, AuditHooks],
  exports: [EntriesService, AuditHooks],
})
export class AuditModule {}
