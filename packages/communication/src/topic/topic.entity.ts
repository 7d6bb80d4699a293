import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** A name that agents send to and subscribe to. */
export const TopicSchema = defineEntity({
  name: 'Topic',
  schema: 'communication',
  tableName: 'topic',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    name: p.text().primary(),
    description: p.text().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'topic_name_check', expression: 'length(name) between 1 and 100' },
    { name: 'topic_description_check', expression: 'length(description) <= 1000' },
  ],
});

export class Topic extends TopicSchema.class {}
TopicSchema.setClass(Topic);
