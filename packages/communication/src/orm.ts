import { trustDomain } from '@agent-hive/trust';
import { domainOrm } from '@agent-hive/kernel';
import { DeliverySchema } from './delivery/delivery.entity.js';
import { InboxSchema } from './delivery/inbox.entity.js';
import { AgentMessageSchema } from './mail/agent-message.entity.js';
import { MessageSchema } from './message/message.entity.js';
import { migrations } from './migrations/index.js';
import { NotificationSchema } from './notification/notification.entity.js';
import { SubscriptionSchema } from './topic/subscription.entity.js';
import { TopicSchema } from './topic/topic.entity.js';

/** Schema `communication`: messages of sessions, mail between agents, notifications. */
export const communicationDomain = domainOrm({
  name: 'communication',
  entities: [MessageSchema, AgentMessageSchema, DeliverySchema, InboxSchema, TopicSchema, SubscriptionSchema, NotificationSchema],
  upstream: [trustDomain],
  migrations,
});
