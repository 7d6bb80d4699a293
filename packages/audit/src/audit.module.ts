import { Module } from '@nestjs/common';
import { AuditHooks } from './audit.hooks.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { EventsController } from './feed/events.controller.js';
import { EventsService } from './feed/events.service.js';
import { FeedStreamsService } from './feed/feed-streams.service.js';
import { FeedWatch } from './feed/feed-watch.service.js';

@Module({
  controllers: [EntriesController, EventsController],
  providers: [EntriesService, AuditHooks, EventsService, FeedWatch, FeedStreamsService],
  exports: [EntriesService, AuditHooks, EventsService],
})
export class AuditModule {}
