import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { User } from '@agent-hive/identity';
import { createdAt, id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What callers may notify of, in words of their own. */
export const OWN_KINDS = ['message', 'alert'] as const;

/** What a notification is about. Users turn kinds off by their preferences. */
export const NOTIFICATION_KINDS = [
  ...OWN_KINDS, 'mail.dead', 'mail.rejected', 'interaction.opened', 'interaction.answered', 'interaction.expired', 'interaction.cancelled',
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** Something that one user or one agent should know of. It is read or not, and else never changes. */
export const NotificationSchema = defineEntity({
  name: 'Notification',
  schema: 'communication',
  tableName: 'notification',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    user: () => p.manyToOne(User).joinColumns('tenant_id', 'user_id').ownColumns('user_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    kind: p.text().$type<NotificationKind>(),
    title: p.text(),
    body: p.text().nullable(),
    /** What it is about: a polymorphic reference, by plain ids. */
    subjectType: p.text().nullable(),
    subjectId: p.text().nullable(),
    details: p.json<Record<string, unknown>>().columnType('jsonb'), // what there is to say, by kind
    createdAt: createdAt(),
    readAt: moment().nullable(),
  },
  indexes: [
    { name: 'notification_user_index', properties: ['tenantId', 'user', 'id'], where: 'user_id is not null' },
    { name: 'notification_agent_index', properties: ['tenantId', 'agent', 'id'], where: 'agent_id is not null' },
    { name: 'notification_user_unread_index', properties: ['tenantId', 'user', 'id'], where: 'user_id is not null and read_at is null' },
    { name: 'notification_agent_unread_index', properties: ['tenantId', 'agent', 'id'], where: 'agent_id is not null and read_at is null' },
  ],
  checks: [
    { name: 'notification_kind_check', expression: oneOf('kind', NOTIFICATION_KINDS) },
    { name: 'notification_recipient_check', expression: 'num_nonnulls(user_id, agent_id) = 1' },
    { name: 'notification_title_check', expression: 'length(title) between 1 and 200' },
    { name: 'notification_body_check', expression: 'length(body) <= 10000' },
    { name: 'notification_subject_check', expression: '(subject_type is null) = (subject_id is null) and length(subject_type) between 1 and 50 and length(subject_id) between 1 and 500' },
    { name: 'notification_details_check', expression: jsonType('details', 'object') },
  ],
});

export class Notification extends NotificationSchema.class {}
NotificationSchema.setClass(Notification);
