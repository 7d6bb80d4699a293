import { Module, type OnModuleInit } from '@nestjs/common';
import { ArchivesController } from './archive/archives.controller.js';
import { ArchivesService } from './archive/archives.service.js';
import { AuditHooks } from './audit.hooks.js';
import { DATA_KEY_ACTIONS, DataKeysService } from './encryption/data-keys.service.js';
import { DataKeysController } from './encryption/data-keys.controller.js';
import { EncryptionService } from './encryption/encryption.service.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { ErasuresController } from './erasure/erasures.controller.js';
import { ErasuresService } from './erasure/erasures.service.js';
import { LegalHoldsController } from './hold/legal-holds.controller.js';
import { LegalHoldsService } from './hold/legal-holds.service.js';
import { RetentionPoliciesController } from './retention/retention-policies.controller.js';
import { RetentionPoliciesService } from './retention/retention-policies.service.js';
import { RetentionRunsController } from './retention/retention-runs.controller.js';
import { RetentionRunsService } from './retention/retention-runs.service.js';
import { StoresService } from './retention/stores.service.js';
import { CheckpointsController } from './sealing/checkpoints.controller.js';
import { ExportsService } from './sealing/exports.service.js';
import { ProofsService } from './sealing/proofs.service.js';
import { ROTATED, SealingService } from './sealing/sealing.service.js';
import { SigningKeysService } from './sealing/signing-keys.service.js';
import { VerificationsService } from './sealing/verifications.service.js';

/** What the record says of itself, and nobody may report. */
const ACTIONS = [...DATA_KEY_ACTIONS, 'archive.created', 'archive.expired', 'user.erased', 'agent.erased', ROTATED];

@Module({
  controllers: [
    EntriesController, CheckpointsController, DataKeysController, RetentionPoliciesController, RetentionRunsController, LegalHoldsController, ArchivesController, ErasuresController,
  ],
  providers: [
    EntriesService, AuditHooks, SealingService, SigningKeysService, ProofsService, ExportsService, VerificationsService, EncryptionService, DataKeysService, StoresService, RetentionPoliciesService, RetentionRunsService, LegalHoldsService, ArchivesService, ErasuresService,
  ],
  exports: [EntriesService, AuditHooks, SealingService, SigningKeysService, EncryptionService, DataKeysService, RetentionRunsService, LegalHoldsService, ArchivesService, ErasuresService],
})
export class AuditModule implements OnModuleInit {
  constructor(
    private readonly hooks: AuditHooks,
    private readonly archives: ArchivesService,
  ) {}

  onModuleInit(): void {
    this.hooks.actions.register('audit', async () => ACTIONS);
    this.hooks.accountedFor.register('audit', (sequences) => this.archives.accountedFor(sequences));
  }
}
