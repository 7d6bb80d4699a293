import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, moment, tenantId, tenantSecurity } from './columns.js';

/** The answer to a request that carried an Idempotency-Key, written in the transaction of its work and kept for 24 hours. */
export const IdempotencySchema = defineEntity({
  name: 'IdempotencyKey',
  schema: 'kernel',
  tableName: 'idempotency_key',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    principal: p.text().primary(),
    route: p.text().primary(),
    key: p.text().primary(),
    requestHash: p.text(),
    status: p.integer(),
    /** json and no jsonb, which reorders keys: a repeat gets the same bytes. */
    response: p.json<Record<string, unknown>>().columnType('json').nullable(),
    createdAt: createdAt(),
    expiresAt: moment(),
  },
  /** Rows arrive in the order in which they expire, so a range per block finds the old ones at no cost to the insert. */
  indexes: [{ name: 'idempotency_key_expires_at_index', properties: ['tenantId', 'expiresAt'], type: 'brin' }],
  checks: [
    { name: 'idempotency_key_key_check', expression: 'length(key) between 1 and 200' },
    { name: 'idempotency_key_status_check', expression: 'status between 200 and 299' },
    { name: 'idempotency_key_response_check', expression: `json_typeof(response) = 'object'` },
  ],
});

export class IdempotencyKey extends IdempotencySchema.class {}
IdempotencySchema.setClass(IdempotencyKey);
