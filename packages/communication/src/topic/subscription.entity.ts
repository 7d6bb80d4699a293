import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { createdAt, tenantId, tenantSecurity } from '@agent-hive/kernel';
import { Topic } from './topic.entity.js';

/** An agent gets what is sent to a topic from now on. */
export const SubscriptionSchema = defineEntity({
  name: 'Subscription',
  schema: 'communication',
  tableName: 'subscription',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    topic: () => p.manyToOne(Topic).primary().joinColumns('tenant_id', 'topic_name').ownColumns('topic_name').deleteRule('cascade').updateRule('no action').ref(),
    agent: () => p.manyToOne(Agent).primary().joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref(),
    createdAt: createdAt(),
  },
  indexes: [{ name: 'subscription_agent_index', properties: ['tenantId', 'agent', 'topic'] }],
});

export class Subscription extends SubscriptionSchema.class {}
SubscriptionSchema.setClass(Subscription);
