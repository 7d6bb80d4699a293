import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsHooks } from '@agent-hive/agents';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantStatement } from '@agent-hive/kernel';
import { AnswersService } from './interaction/answers.service.js';
import { InteractionWakeups } from './interaction/interaction-wakeups.service.js';
import { countInteractionsOfAgent, forgetResponder } from './interaction/interaction.sql.js';
import { InteractionsController } from './interaction/interactions.controller.js';
import { InteractionsService } from './interaction/interactions.service.js';
import { INTERACTION_STATUSES } from './interaction/lifecycle.js';
import { trustDomain } from './orm.js';
import { RETENTION_STORES } from './stores.js';
import { TrustHooks } from './trust.hooks.js';

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [{ table: 'trust.interaction', key: ['id'] }];

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = [...INTERACTION_STATUSES.filter((status) => status !== 'pending').map((status) => `interaction.${status}`), 'interaction.used', 'interaction.responder_forgotten'];

@Global()
@Module({
  imports: [AuditModule],
  controllers: [InteractionsController],
  providers: [TrustHooks, InteractionWakeups, InteractionsService, AnswersService],
  exports: [TrustHooks, InteractionsService, AnswersService],
})
export class TrustModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly agentsHooks: AgentsHooks,
  ) {}

  onModuleInit(): void {
    this.auditHooks.actions.register('trust', async () => ACTIONS);
    this.auditHooks.stores.register('trust', async () => RETENTION_STORES);
    this.agentsHooks.references.register('trust', async (_em, id) => [{ table: 'trust.interaction', count: await tenantStatement(this.em, (db) => countInteractionsOfAgent(db, id)) }]);
    this.identityHooks.userDeleted.register('trust', (_em, id) => tenantStatement(this.em, (db) => forgetResponder(db, id, new Date())));
    this.identityHooks.stores.register('trust', async () => ({ domain: trustDomain, stores: STORES }));
  }
}
