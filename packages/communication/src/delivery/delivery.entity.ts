import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** Where a delivery is. The last four are ends; the recipient's refusal and dead letters come back by a redrive. */
export const DELIVERY_STATES = ['pending', 'delivered', 'acknowledged', 'rejected', 'expired', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Ends from which a delivery can be redriven. */
export const DEAD_LETTER_STATES: readonly DeliveryState[] = ['rejected', 'dead'];

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "communication"."delivery" ${rest}` });

/**
 * One message on its way to one agent: at least once, until it is acknowledged or has come to another end. What time alone
 * changes (state.sql.ts) counts from the moment on, whether the sweep has written it yet or not. Not partitioned, and its ids
 * are plain (docs/adr/0015).
 */
export const DeliverySchema = defineEntity({
  name: 'Delivery',
  schema: 'communication',
  tableName: 'delivery',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    messageId: p.uuid(),
    agentId: p.uuid(),
    state: p.text().$type<DeliveryState>(),
    priority: p.smallint(),
    /** How often it was handed out since it was sent or redriven. */
    attempt: p.smallint(),
    maxDeliveries: p.smallint(),
    redriveCount: p.integer(),
    /** Grows with every hand-out, and with what ends the right to acknowledge that one. */
    receipt: p.integer(),
    /** When it may be handed out (again): while it is delivered, the end of its visibility timeout. Null when at once, and at the end. */
    availableAt: moment().nullable(),
    expiresAt: moment().nullable(),
    sentAt: moment(),
    /** The last hand-out. */
    deliveredAt: moment().nullable(),
    /** When it came to its end. */
    settledAt: moment().nullable(),
    reason: p.text().nullable(),
    /** Its place in the stream of the agent's inbox; null until a stream has come to it. */
    sequence: p.bigint('number').nullable(),
  },
  uniques: [{ name: 'delivery_message_unique', properties: ['tenantId', 'messageId', 'agentId'] }],
  indexes: [
    INDEX('delivery_inbox_index', `("tenant_id", "agent_id", "priority" desc, "message_id") where state = 'pending' and available_at is null`),
    INDEX('delivery_agent_due_index', `("tenant_id", "agent_id", "available_at") where available_at is not null`),
    INDEX('delivery_due_index', `("tenant_id", "available_at") where available_at is not null`),
    INDEX('delivery_expiry_index', `("tenant_id", "expires_at") where expires_at is not null and settled_at is null`),
    INDEX('delivery_dead_index', `("tenant_id", "id") where state in ('rejected', 'dead')`),
    INDEX('delivery_agent_dead_index', `("tenant_id", "agent_id", "id") where state in ('rejected', 'dead')`),
    INDEX('delivery_unnumbered_index', `("tenant_id", "agent_id", "message_id") where sequence is null and settled_at is null`),
    INDEX('delivery_sequence_index', `("tenant_id", "agent_id", "sequence") where sequence is not null`),
    { name: 'delivery_agent_index', properties: ['tenantId', 'agentId', 'messageId'] },
  ],
  checks: [
    { name: 'delivery_state_check', expression: oneOf('state', DELIVERY_STATES) },
    { name: 'delivery_settled_at_check', expression: `(state = 'pending' or state = 'delivered') = (settled_at is null)` },
    { name: 'delivery_available_at_check', expression: `(state <> 'delivered' or available_at is not null) and (settled_at is null or available_at is null)` },
    { name: 'delivery_priority_check', expression: 'priority between 0 and 9' },
    { name: 'delivery_max_deliveries_check', expression: 'max_deliveries between 1 and 100' },
    { name: 'delivery_counts_check', expression: 'attempt >= 0 and redrive_count >= 0 and receipt >= 0' },
    { name: 'delivery_reason_check', expression: 'length(reason) <= 1000' },
  ],
});

export class Delivery extends DeliverySchema.class {}
DeliverySchema.setClass(Delivery);
