import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AuditHooks, AuditModule, EntriesService } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantRead, tenantSql, tenantStatement } from '@agent-hive/kernel';
import { AgentTypesController } from './agent/agent-types.controller.js';
import { AgentTypesService } from './agent/agent-types.service.js';
import { countAgentsOfProject, holdAgent } from './agent/agent.sql.js';
import { AgentsController } from './agent/agents.controller.js';
import { AgentsService } from './agent/agents.service.js';
import { AgentsHooks } from './agents.hooks.js';
import { CONSISTENCY_CHECKS } from './consistency.sql.js';
import { HttpInsightsProvider } from './insight/http-insights.provider.js';
import { InsightsController } from './insight/insights.controller.js';
import { InsightsProvider } from './insight/insights.provider.js';
import { InsightsService } from './insight/insights.service.js';
import type { LanguageModelSettings } from './insight/language-model.js';
import { RecordedInsightsProvider } from './insight/recorded-insights.provider.js';
import { CapabilitiesController } from './instruction/capabilities.controller.js';
import { CapabilitiesService } from './instruction/capabilities.service.js';
import { InstructionsController } from './instruction/instructions.controller.js';
import { InstructionsService } from './instruction/instructions.service.js';
import { KnowledgeDomainsController } from './instruction/knowledge-domains.controller.js';
import { KnowledgeDomainsService } from './instruction/knowledge-domains.service.js';
import { PromptTemplatesController } from './instruction/prompt-templates.controller.js';
import { PromptTemplatesService } from './instruction/prompt-templates.service.js';
import { MatchesController } from './match/matches.controller.js';
import { MatchesService } from './match/matches.service.js';
import { McpServerAssignmentsController } from './mcp-server/mcp-server-assignments.controller.js';
import { McpServerAssignmentsService } from './mcp-server/mcp-server-assignments.service.js';
import { McpServersController } from './mcp-server/mcp-servers.controller.js';
import { McpServersService } from './mcp-server/mcp-servers.service.js';
import { agentsDomain } from './orm.js';
import { PresenceController } from './presence/presence.controller.js';
import { PresenceService } from './presence/presence.service.js';
import { RETENTION_STORES } from './stores.js';
import { SessionsController } from './session/sessions.controller.js';
import { SessionsService } from './session/sessions.service.js';
import { countSessionsOfAgent, forgetUser } from './session/session.sql.js';
import { subjectNames } from './subject.sql.js';
import { ToolGrantsController } from './tool/tool-grants.controller.js';
import { ToolGrantsService } from './tool/tool-grants.service.js';
import { ToolsController } from './tool/tools.controller.js';
import { ToolsService } from './tool/tools.service.js';
import { WorkloadService } from './workload/workload.service.js';

/** How the domain is set up. */
export interface AgentsOptions {
  /** A language model that computes insights, in place of the hive's own computation. */
  insights?: LanguageModelSettings;
}

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [
  { table: 'agents.agent_type', key: ['name'] },
  { table: 'agents.agent', key: ['id'] },
  { table: 'agents.presence', key: ['agent_id'] },
  { table: 'agents.status_change', key: ['id'] },
  { table: 'agents.workload', key: ['agent_id'] },
  { table: 'agents.instruction', key: ['id'] },
  { table: 'agents.capability', key: ['id'] },
  { table: 'agents.knowledge_domain', key: ['id'] },
  { table: 'agents.prompt_template', key: ['id'] },
  { table: 'agents.mcp_server', key: ['id'], secret: ['env', 'headers'] },
  { table: 'agents.mcp_server_assignment', key: ['agent_id', 'server_id'] },
  { table: 'agents.tool', key: ['id'] },
  { table: 'agents.tool_grant', key: ['agent_id', 'tool_id'] },
  { table: 'agents.session', key: ['id'] },
];

/** What this domain records beside the changes of its tables. */
const ACTIONS = ['agent.status_changed', 'agent.status_reason_changed', 'agent.analysed', 'agent.analysis_failed', 'agent.cascaded', 'instruction.cascaded', 'session.expired'];

@Module({})
export class AgentsModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly entries: EntriesService,
    private readonly hooks: AgentsHooks,
  ) {}

  static forRoot(options: AgentsOptions = {}): DynamicModule {
    const { insights } = options;
    return {
      module: AgentsModule,
      global: true,
      imports: [AuditModule],
      controllers: [
        MatchesController, AgentTypesController, AgentsController, PresenceController, InsightsController, InstructionsController, CapabilitiesController,
        KnowledgeDomainsController, PromptTemplatesController, ToolsController, ToolGrantsController, McpServersController, McpServerAssignmentsController,
        SessionsController,
      ],
      providers: [
        AgentsHooks,
        AgentsService,
        AgentTypesService,
        PresenceService,
        MatchesService,
        InsightsService,
        WorkloadService,
        InstructionsService,
        CapabilitiesService,
        KnowledgeDomainsService,
        PromptTemplatesService,
        ToolsService,
        ToolGrantsService,
        McpServersService,
        McpServerAssignmentsService,
        SessionsService,
        { provide: InsightsProvider, useFactory: () => (insights ? new HttpInsightsProvider(insights) : new RecordedInsightsProvider()) },
      ],
      exports: [AgentsHooks, AgentsService, PresenceService, MatchesService, WorkloadService, InstructionsService, ToolsService, ToolGrantsService, McpServersService, SessionsService],
    };
  }

  onModuleInit(): void {
    this.auditHooks.actions.register('agents', async () => ACTIONS);
    this.auditHooks.consistencyChecks.register('agents', async () => CONSISTENCY_CHECKS);
    this.auditHooks.agentExists.register('agents', (_em, id) => this.hold(id));
    this.auditHooks.stores.register('agents', async () => RETENTION_STORES);
    this.auditHooks.subjects.register('agents', (type, id) => tenantRead(this.em, (db) => subjectNames(db, type, id)));
    this.identityHooks.agentExists.register('agents', (_em, id) => this.hold(id));
    this.identityHooks.projectReferences.register('agents', async (_em, id) => ({ table: 'agents.agent', count: await tenantStatement(this.em, (db) => countAgentsOfProject(db, id)) }));
    this.identityHooks.userDeleted.register('agents', (_em, id) => tenantSql(this.em, (db) => forgetUser(db, id)));
    this.identityHooks.stores.register('agents', async () => ({ domain: agentsDomain, stores: STORES }));
    this.hooks.references.register('agents', async (_em, id) => [{ table: 'agents.session', count: await tenantStatement(this.em, (db) => countSessionsOfAgent(db, id)) }]);
    this.hooks.references.register('audit', async (_em, id) => [{ table: 'audit.entry', count: await this.entries.countActions(id) }]);
  }

  /** Whether there is such an agent, which then stays until the caller has referred to it. */
  private hold(id: string): Promise<boolean> {
    return tenantStatement(this.em, (db) => holdAgent(db, id));
  }
}
