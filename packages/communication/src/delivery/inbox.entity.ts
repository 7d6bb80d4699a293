import { defineEntity, p } from '@mikro-orm/postgresql';
import { tenantId, tenantSecurity } from '@agent-hive/kernel';

/** How far the stream of an agent's inbox is numbered. Whoever numbers holds this row. One that nobody has streamed has none. */
export const InboxSchema = defineEntity({
  name: 'Inbox',
  schema: 'communication',
  tableName: 'inbox',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    agentId: p.uuid().primary(),
    lastSequence: p.bigint('number'),
  },
  checks: [{ name: 'inbox_last_sequence_check', expression: 'last_sequence >= 0' }],
});

export class Inbox extends InboxSchema.class {}
InboxSchema.setClass(Inbox);
