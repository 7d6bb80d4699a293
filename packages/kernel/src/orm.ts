import { domainOrm } from './domain.js';
import { IdempotencySchema } from './idempotency.entity.js';
import { LeaseSchema } from './lease.entity.js';
import { migrations } from './migrations/index.js';
import { SchemaVersionSchema } from './schema-version.entity.js';

/** Schema `kernel`: idempotency keys, leases, and the history of every schema. */
export const kernelDomain = domainOrm({
  name: 'kernel',
  entities: [IdempotencySchema, LeaseSchema, SchemaVersionSchema],
  upstream: [],
  migrations,
});
