import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditHooks } from './audit.hooks.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { EventsController } from './feed/events.controller.js';
import { EventsService } from './feed/events.service.js';
import { FeedStreamsService } from './feed/feed-streams.service.js';
import { FeedWatch } from './feed/feed-watch.service.js';
import { CheckpointsController } from './sealing/checkpoints.controller.js';
import { ExportsService } from './sealing/exports.service.js';
import { ProofsService } from './sealing/proofs.service.js';
import { ROTATED, SealingService } from './sealing/sealing.service.js';
import { SigningKeysService } from './sealing/signing-keys.service.js';
import { VerificationsService } from './sealing/verifications.service.js';

@Module({
  controllers: [EntriesController, CheckpointsController, EventsController],
  providers: [EntriesService, AuditHooks, SealingService, SigningKeysService, ProofsService, ExportsService, VerificationsService, EventsService, FeedWatch, FeedStreamsService],
  exports: [EntriesService, AuditHooks, SealingService, SigningKeysService, EventsService],
})
export class AuditModule implements OnModuleInit {
  constructor(private readonly hooks: AuditHooks) {}

  onModuleInit(): void {
    this.hooks.actions.register('audit', async () => [ROTATED]);
  }
}
