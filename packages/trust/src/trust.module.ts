import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsHooks } from '@agent-hive/agents';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantStatement } from '@agent-hive/kernel';
import { AuthorizationsController } from './authorization/authorizations.controller.js';
import { AuthorizationsService } from './authorization/authorizations.service.js';
import { ToolGate } from './authorization/tool-gate.service.js';
import { CONSISTENCY_CHECKS } from './consistency.sql.js';
import { forgetJudge } from './decision/decision.sql.js';
import { DecisionsController } from './decision/decisions.controller.js';
import { DecisionsService, RATIONALE } from './decision/decisions.service.js';
import { EmergencyStopsController } from './emergency/emergency-stops.controller.js';
import { EmergencyStopsService } from './emergency/emergency-stops.service.js';
import { AnswersService } from './interaction/answers.service.js';
import { InteractionWakeups } from './interaction/interaction-wakeups.service.js';
import { countInteractionsOfAgent, forgetResponder } from './interaction/interaction.sql.js';
import { InteractionsController } from './interaction/interactions.controller.js';
import { InteractionsService } from './interaction/interactions.service.js';
import { INTERACTION_STATUSES } from './interaction/lifecycle.js';
import { LevelsService } from './level/levels.service.js';
import { countTrustOfAgent } from './level/standing.sql.js';
import { TrustController } from './level/trust.controller.js';
import { TrustService } from './level/trust.service.js';
import { MeasuresController } from './measure/measures.controller.js';
import { MeasuresService } from './measure/measures.service.js';
import { TrustMetricsController } from './metric/trust-metrics.controller.js';
import { TrustMetricsService } from './metric/trust-metrics.service.js';
import { trustDomain } from './orm.js';
import { RETENTION_STORES } from './stores.js';
import { TrustPoliciesController } from './policy/trust-policies.controller.js';
import { TrustPoliciesService } from './policy/trust-policies.service.js';
import { TrustHooks } from './trust.hooks.js';

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [
  { table: 'trust.interaction', key: ['id'] },
  { table: 'trust.decision', key: ['id'] },
  { table: 'trust.standing', key: ['agent_id', 'action_class'] },
  { table: 'trust.judged_day', key: ['agent_id', 'action_class', 'day'] },
  { table: 'trust.level_change', key: ['id'] },
  { table: 'trust.trust_metric', key: ['id'] },
  { table: 'trust.trust_policy', key: ['version'] },
  { table: 'trust.override', key: ['id'] },
  { table: 'trust.freeze', key: ['id'] },
  { table: 'trust.incident', key: ['id'] },
  { table: 'trust.emergency_stop', key: ['id'] },
];

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = [
  ...INTERACTION_STATUSES.filter((status) => status !== 'pending').map((status) => `interaction.${status}`), 'interaction.used', 'interaction.responder_forgotten',
  'decision.approved', 'decision.rejected', 'decision.modified', 'decision.judge_forgotten', 'trust.level_changed', 'trust_metric.aggregated', 'override.ended', 'emergency_stop.started', 'emergency_stop.lifted',
];

@Global()
@Module({
  imports: [AuditModule],
  controllers: [
    InteractionsController, DecisionsController, TrustController, TrustMetricsController, TrustPoliciesController, MeasuresController, AuthorizationsController, EmergencyStopsController,
  ],
  providers: [
    TrustHooks, InteractionWakeups, InteractionsService, AnswersService, DecisionsService, LevelsService, TrustService, TrustMetricsService, TrustPoliciesService, MeasuresService,
    AuthorizationsService, ToolGate, EmergencyStopsService,
  ],
  exports: [TrustHooks, InteractionsService, AnswersService, DecisionsService, LevelsService, TrustService, TrustMetricsService, AuthorizationsService, MeasuresService, EmergencyStopsService],
})
export class TrustModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly agentsHooks: AgentsHooks,
    private readonly levels: LevelsService,
    private readonly toolGate: ToolGate,
  ) {}

  onModuleInit(): void {
    this.auditHooks.actions.register('trust', async () => ACTIONS);
    this.auditHooks.consistencyChecks.register('trust', async () => CONSISTENCY_CHECKS);
    this.auditHooks.stores.register('trust', async () => RETENTION_STORES);
    this.auditHooks.encryptedColumns.register('trust', async () => [RATIONALE]);
    this.agentsHooks.references.register('trust', async (_em, id) => [
      { table: 'trust.interaction', count: await tenantStatement(this.em, (db) => countInteractionsOfAgent(db, id)) },
      ...(await tenantStatement(this.em, (db) => countTrustOfAgent(db, id))),
    ]);
    this.agentsHooks.trustLevel.register('trust', (_em, id) => this.levels.highest(id));
    this.agentsHooks.toolGranted.register('trust', (_em, grant) => this.toolGate.require(grant));
    this.identityHooks.userDeleted.register('trust', async (_em, id) => {
      await tenantStatement(this.em, (db) => forgetResponder(db, id, new Date()));
      await tenantStatement(this.em, (db) => forgetJudge(db, id));
    });
    this.identityHooks.stores.register('trust', async () => ({ domain: trustDomain, stores: STORES }));
  }
}
