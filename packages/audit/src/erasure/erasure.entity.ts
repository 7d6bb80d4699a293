import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, jsonType, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** What an erasure did to one store. */
export interface StoreReceipt {
  table: string;
  /** Rows that are gone. */
  erased: number;
  /** Rows whose content is gone and which keep a pseudonym. */
  blanked: number;
  /** Rows that stay as they are. */
  kept: number;
  /** Why they stay. */
  reason: string | null;
}

/** The receipt of one erasure. It names its subject by the id alone, which is a pseudonym from then on; receipts are only added. */
export const ErasureSchema = defineEntity({
  name: 'Erasure',
  schema: 'audit',
  tableName: 'erasure',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    subjectType: p.text().$type<'user' | 'agent'>(),
    subjectId: p.uuid(),
    reason: p.text().nullable(),
    requestedByName: p.text(),
    erasedAt: moment(),
    /** Sequences of the log whose payloads were erased. */
    sequences: p.type('int8multirange').$type<string>(),
    stores: p.json<StoreReceipt[]>().columnType('jsonb'), // StoreReceipt
  },
  indexes: [{ name: 'erasure_subject_index', properties: ['tenantId', 'subjectId', 'id'] }],
  checks: [
    { name: 'erasure_subject_type_check', expression: oneOf('subject_type', ['user', 'agent']) },
    { name: 'erasure_reason_check', expression: 'length(reason) between 1 and 2000' },
    { name: 'erasure_stores_check', expression: jsonType('stores', 'array') },
  ],
});

export class ErasureReceipt extends ErasureSchema.class {}
ErasureSchema.setClass(ErasureReceipt);
