import { Module, type OnModuleInit } from '@nestjs/common';
import { ArchivesController } from './archive/archives.controller.js';
import { ArchivesService } from './archive/archives.service.js';
import { AuditHooks } from './audit.hooks.js';
import { ConsistencyChecksController } from './consistency/consistency-checks.controller.js';
import { CONSISTENCY_ACTIONS, ConsistencyService } from './consistency/consistency.service.js';
import { AUDIT_CHECKS } from './consistency/consistency.sql.js';
import { DATA_KEY_ACTIONS, DataKeysService } from './encryption/data-keys.service.js';
import { DataKeysController } from './encryption/data-keys.controller.js';
import { EncryptionService } from './encryption/encryption.service.js';
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
import { ErasuresController } from './erasure/erasures.controller.js';
import { ErasuresService } from './erasure/erasures.service.js';
import { LegalHoldsController } from './hold/legal-holds.controller.js';
import { LegalHoldsService } from './hold/legal-holds.service.js';
import { RetentionPoliciesController } from './retention/retention-policies.controller.js';
import { RetentionPoliciesService } from './retention/retention-policies.service.js';
import { RetentionRunsController } from './retention/retention-runs.controller.js';
import { RetentionRunsService } from './retention/retention-runs.service.js';
import { StoresService } from './retention/stores.service.js';
import { MetricsController } from './metric/metrics.controller.js';
import { MetricsService } from './metric/metrics.service.js';
import { ReviewRulesController } from './review/review-rules.controller.js';
import { ReviewRulesService } from './review/review-rules.service.js';
import { ReviewsService } from './review/reviews.service.js';
import { SuggestionsController } from './review/suggestions.controller.js';
import { SuggestionsService } from './review/suggestions.service.js';

/** What the record says of itself, and nobody may report. */
const ACTIONS = [
  ROTATED, ...DATA_KEY_ACTIONS, ...CONSISTENCY_ACTIONS, 'archive.created', 'archive.expired', 'user.erased', 'agent.erased',
  'performance_metric.recorded', 'performance_metric.rolled_up', 'optimization_suggestion.measured',
];

@Module({
  controllers: [
    EntriesController, CheckpointsController, EventsController, DataKeysController, RetentionPoliciesController, RetentionRunsController, LegalHoldsController, ArchivesController, ErasuresController,
    MetricsController, ReviewRulesController, SuggestionsController, ConsistencyChecksController,
  ],
  providers: [
    EntriesService, AuditHooks, SealingService, SigningKeysService, ProofsService, ExportsService, VerificationsService, EncryptionService, DataKeysService, StoresService,
    RetentionPoliciesService, RetentionRunsService, LegalHoldsService, ArchivesService, ErasuresService, EventsService, FeedWatch, FeedStreamsService,
    MetricsService, ReviewRulesService, ReviewsService, SuggestionsService, ConsistencyService,
  ],
  exports: [
    EntriesService, AuditHooks, SealingService, SigningKeysService, EventsService, EncryptionService, DataKeysService, RetentionRunsService, LegalHoldsService, ArchivesService, ErasuresService,
    MetricsService, ReviewsService, ConsistencyService,
  ],
})
export class AuditModule implements OnModuleInit {
  constructor(
    private readonly hooks: AuditHooks,
    private readonly archives: ArchivesService,
  ) {}

  onModuleInit(): void {
    this.hooks.actions.register('audit', async () => ACTIONS);
    this.hooks.consistencyChecks.register('audit', async () => AUDIT_CHECKS);
    this.hooks.accountedFor.register('audit', (sequences) => this.archives.accountedFor(sequences));
  }
}
