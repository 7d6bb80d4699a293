import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsHooks, type LanguageModelSettings } from '@agent-hive/agents';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantRead, tenantStatement } from '@agent-hive/kernel';
import { TrustHooks } from '@agent-hive/trust';
import { countAssignmentsOfAgent } from './assignment/assignment.sql.js';
import { AssignmentsController } from './assignment/assignments.controller.js';
import { AssignmentsService } from './assignment/assignments.service.js';
import { selectDurations, selectErrors } from './attempt/attempt-figures.sql.js';
import { countAttemptsOfAgent } from './attempt/attempt.sql.js';
import { AttemptsController } from './attempt/attempts.controller.js';
import { AttemptsService } from './attempt/attempts.service.js';
import { WorkController } from './attempt/work.controller.js';
import { WorkService } from './attempt/work.service.js';
import { ClaimsController } from './claim/claims.controller.js';
import { ClaimsService } from './claim/claims.service.js';
import { WakeupsService } from './claim/wakeups.service.js';
import { CONSISTENCY_CHECKS } from './consistency.sql.js';
import { DependenciesController } from './dependency/dependencies.controller.js';
import { DependenciesService } from './dependency/dependencies.service.js';
import { EstimatesController } from './estimate/estimates.controller.js';
import { EstimatesService } from './estimate/estimates.service.js';
import { HttpTaskEstimator } from './estimate/http-task-estimator.provider.js';
import { TaskEstimator } from './estimate/task-estimator.provider.js';
import { RETENTION_STORES } from './stores.js';
import { EventFiringService } from './event-trigger/event-firing.service.js';
import { EventTriggersController } from './event-trigger/event-triggers.controller.js';
import { EventTriggersService } from './event-trigger/event-triggers.service.js';
import { tasksDomain } from './orm.js';
import { ProcessRunsController } from './process/process-runs.controller.js';
import { ProcessRunsService } from './process/process-runs.service.js';
import { ProcessVersionsController } from './process/process-versions.controller.js';
import { ProcessVersionsService } from './process/process-versions.service.js';
import { ProcessesController } from './process/processes.controller.js';
import { ProcessesService } from './process/processes.service.js';
import { QueuesController } from './queue/queues.controller.js';
import { QueuesService } from './queue/queues.service.js';
import { FiringService } from './schedule/firing.service.js';
import { SchedulesController } from './schedule/schedules.controller.js';
import { SchedulesService } from './schedule/schedules.service.js';
import { SweepService } from './sweep/sweep.service.js';
import { CreationService } from './task/creation.service.js';
import { LifecycleService } from './task/lifecycle.service.js';
import { SettlementService } from './task/settlement.service.js';
import { countTasksOf } from './task/task.sql.js';
import { TasksController } from './task/tasks.controller.js';
import { TasksService } from './task/tasks.service.js';
import { WaitsService } from './wait/waits.service.js';
import { WorkloadReporter } from './workload/workload.service.js';

/** How the domain is set up. */
export interface TasksOptions {
  /** A language model that is asked about a task before it is assigned; absent, predictions come from history alone. */
  estimator?: LanguageModelSettings;
}

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [
  { table: 'tasks.process', key: ['id'] },
  { table: 'tasks.process_version', key: ['process_id', 'number'] },
  { table: 'tasks.process_run', key: ['id'] },
  { table: 'tasks.task', key: ['id'] },
  { table: 'tasks.task_dependency', key: ['dependent_id', 'dependency_id'] },
  { table: 'tasks.attempt', key: ['id'] },
  { table: 'tasks.assignment', key: ['id'] },
  { table: 'tasks.queue', key: ['name'] },
  { table: 'tasks.concurrency_limit', key: ['key'] },
  { table: 'tasks.duration', key: ['type', 'grouping', 'member'] },
  { table: 'tasks.schedule', key: ['id'] },
  { table: 'tasks.event_trigger', key: ['id'] },
  { table: 'tasks.graph_lock', key: ['tenant_id'] },
];

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = [
  'task.ready', 'task.claimed', 'task.started', 'task.waiting', 'task.resumed', 'task.completed', 'task.failed', 'task.dead', 'task.cancelled', 'task.retried', 'task.released', 'task.expired', 'task.redriven',
  'task.assigned', 'task.assignment_failed', 'task.unassigned', 'task.dependency_added', 'task.dependency_removed', 'schedule.fired', 'schedule.skipped', 'schedule.failed', 'event_trigger.fired', 'event_trigger.failed',
];

@Module({})
export class TasksModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly auditHooks: AuditHooks,
    private readonly agentsHooks: AgentsHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly trustHooks: TrustHooks,
    private readonly waits: WaitsService,
  ) {}

  static forRoot({ estimator }: TasksOptions = {}): DynamicModule {
    return {
      module: TasksModule,
      imports: [AuditModule],
      controllers: [
        ClaimsController, TasksController, WorkController, AttemptsController, DependenciesController, QueuesController, ProcessesController, ProcessVersionsController,
        ProcessRunsController, SchedulesController, EventTriggersController, AssignmentsController, EstimatesController,
      ],
      providers: [
        WakeupsService,
        WorkloadReporter,
        SettlementService,
        CreationService,
        TasksService,
        LifecycleService,
        ClaimsService,
        WorkService,
        WaitsService,
        AttemptsService,
        DependenciesService,
        QueuesService,
        SweepService,
        ProcessesService,
        ProcessVersionsService,
        ProcessRunsService,
        FiringService,
        SchedulesService,
        EventFiringService,
        EventTriggersService,
        AssignmentsService,
        EstimatesService,
        ...(estimator ? [{ provide: TaskEstimator, useFactory: () => new HttpTaskEstimator(estimator) }] : []),
      ],
      exports: [TasksService, LifecycleService, ClaimsService, WorkService, SweepService, SchedulesService, EventTriggersService, AssignmentsService, EstimatesService, WorkloadReporter],
    };
  }

  onModuleInit(): void {
    this.auditHooks.actions.register('tasks', async () => ACTIONS);
    this.auditHooks.consistencyChecks.register('tasks', async () => CONSISTENCY_CHECKS);
    this.auditHooks.workErrors.register('tasks', (window, wanted) => tenantRead(this.em, (db) => selectErrors(db, window, wanted)));
    this.auditHooks.workDurations.register('tasks', (window, kind) => tenantRead(this.em, (db) => selectDurations(db, window, kind)));
    this.agentsHooks.references.register('tasks', async (_em, id) => [
      { table: 'tasks.assignment', count: await tenantStatement(this.em, (db) => countAssignmentsOfAgent(db, id)) },
      { table: 'tasks.attempt', count: await tenantStatement(this.em, (db) => countAttemptsOfAgent(db, id)) },
      { table: 'tasks.task', count: await tenantStatement(this.em, (db) => countTasksOf(db, { agentId: id })) },
    ]);
    this.identityHooks.projectReferences.register('tasks', async (_em, id) => ({ table: 'tasks.task', count: await tenantStatement(this.em, (db) => countTasksOf(db, { projectId: id })) }));
    this.trustHooks.interactionsSettled.register('tasks', (_em, interactions) => this.waits.resume(interactions.map(({ id }) => id)));
    this.auditHooks.stores.register('tasks', async () => RETENTION_STORES);
    this.identityHooks.stores.register('tasks', async () => ({ domain: tasksDomain, stores: STORES }));
  }
}
