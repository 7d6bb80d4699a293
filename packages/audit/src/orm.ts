import { domainOrm, kernelDomain } from '@agent-hive/kernel';
import { EntrySchema } from './entry.entity.js';
import { migrations } from './migrations/index.js';

/** Schema `audit`: the record. */
export const auditDomain = domainOrm({ name: 'audit', entities: [EntrySchema], upstream: [kernelDomain], migrations });
