import { defineEntity, p } from '@mikro-orm/postgresql';
import { moment } from './columns.js';

/** The right to run one background job, held by one process at a time. The token grows with every new holder. */
export const LeaseSchema = defineEntity({
  name: 'Lease',
  schema: 'kernel',
  tableName: 'lease',
  properties: {
    name: p.text().primary(),
    holder: p.text(),
    token: p.bigint('number'),
    expiresAt: moment(),
  },
});

export class Lease extends LeaseSchema.class {}
LeaseSchema.setClass(Lease);
