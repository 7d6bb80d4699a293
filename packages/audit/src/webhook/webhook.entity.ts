import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, jsonType, moment, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { SENSITIVE } from '../capture.subscriber.js';

/** A receiver of events. */
export const WebhookSchema = defineEntity({
  name: 'Webhook',
  schema: 'audit',
  tableName: 'webhook',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    url: p.text(),
    description: p.text().nullable(),
    actions: p.json<string[]>().columnType('jsonb'), // patterns, none twice
    isActive: p.boolean(),
    /** Encrypted, since each attempt is signed with it. */
    secret: p.text().comment(SENSITIVE),
    /** The secret before, encrypted as well, with which attempts are signed too until `previousSecretUntil`. */
    previousSecret: p.text().comment(SENSITIVE).nullable(),
    previousSecretUntil: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  checks: [
    { name: 'webhook_url_check', expression: 'length(url) between 1 and 2000' },
    { name: 'webhook_description_check', expression: 'length(description) between 1 and 1000' },
    { name: 'webhook_actions_check', expression: jsonType('actions', 'array') },
    { name: 'webhook_secret_check', expression: `starts_with(secret, 'enc1.') and starts_with(previous_secret, 'enc1.')` },
    { name: 'webhook_previous_secret_check', expression: '(previous_secret is null) = (previous_secret_until is null)' },
  ],
});

export class Webhook extends WebhookSchema.class {}
WebhookSchema.setClass(Webhook);
