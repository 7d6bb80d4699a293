import { Module, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsHooks } from '@agent-hive/agents';
import { AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantRead, tenantSql, tenantStatement } from '@agent-hive/kernel';
import { TrustHooks } from '@agent-hive/trust';
import { ArrivalsService } from '../delivery/arrivals.service.js';
import { DeliveriesController } from '../delivery/deliveries.controller.js';
import { DeliveriesService } from '../delivery/deliveries.service.js';
import { countDeliveriesOf } from '../delivery/delivery.sql.js';
import { InboxController } from '../delivery/inbox.controller.js';
import { InboxService } from '../delivery/inbox.service.js';
import { InboxStreamsService } from '../delivery/inbox-streams.service.js';
import { MailSweepService } from '../delivery/mail-sweep.service.js';
import { ReportsService } from '../delivery/reports.service.js';
import { countMessagesOf } from './agent-message.sql.js';
import { AgentMessagesController } from './agent-messages.controller.js';
import { AgentMessagesService } from './agent-messages.service.js';
import { InteractionNoticesService } from '../notification/interaction-notices.service.js';
import { countNotifications, deleteNotificationsOfUser } from '../notification/notification.sql.js';
import { NotificationsController } from '../notification/notifications.controller.js';
import { NotificationsService } from '../notification/notifications.service.js';
import { countSubscriptionsOf } from '../topic/topic.sql.js';
import { TopicsController } from '../topic/topics.controller.js';
import { TopicsService } from '../topic/topics.service.js';

/** Tables of mail and notifications, referred-to ones first. */
export const MAIL_STORES: readonly TenantStore[] = [
  { table: 'communication.agent_message', key: ['id'] },
  { table: 'communication.delivery', key: ['id'] },
  { table: 'communication.inbox', key: ['agent_id'] },
  { table: 'communication.topic', key: ['name'] },
  { table: 'communication.subscription', key: ['topic_name', 'agent_id'] },
  { table: 'communication.notification', key: ['id'] },
];

/** What they record beside the changes of their tables. */
export const MAIL_ACTIONS = [
  'agent_message.sent', 'delivery.delivered', 'delivery.acknowledged', 'delivery.rejected', 'delivery.timed_out', 'delivery.expired', 'delivery.dead', 'delivery.redriven',
  'notification.read', 'notification.all_read', 'notification.user_deleted',
];

@Module({
  imports: [AuditModule],
  controllers: [AgentMessagesController, InboxController, DeliveriesController, TopicsController, NotificationsController],
  providers: [AgentMessagesService, ArrivalsService, InboxService, InboxStreamsService, DeliveriesService, ReportsService, MailSweepService, TopicsService, NotificationsService, InteractionNoticesService],
  exports: [AgentMessagesService, InboxService, DeliveriesService, MailSweepService, NotificationsService, InteractionNoticesService],
})
export class MailModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly agentsHooks: AgentsHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly trustHooks: TrustHooks,
    private readonly notices: InteractionNoticesService,
  ) {}

  onModuleInit(): void {
    this.agentsHooks.references.register('communication', (_em, id) =>
      tenantRead(this.em, async (db) => [
        { table: 'communication.agent_message', count: await countMessagesOf(db, id) },
        { table: 'communication.delivery', count: await countDeliveriesOf(db, id) },
        { table: 'communication.subscription', count: await countSubscriptionsOf(db, id) },
        { table: 'communication.notification', count: await countNotifications(db, { agentId: id }) },
      ]),
    );
    this.identityHooks.userDeleted.register('communication', (_em, id) => tenantStatement(this.em, (db) => deleteNotificationsOfUser(db, id)));
    this.trustHooks.interactionOpened.register('communication', (em, interaction) => tenantSql(em, (db) => this.notices.opened(db, interaction)));
    this.trustHooks.interactionsSettled.register('communication', (em, interactions) => tenantSql(em, (db) => this.notices.settled(db, interactions)));
  }
}
