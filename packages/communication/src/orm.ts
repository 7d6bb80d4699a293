import { trustDomain } from '@agent-hive/trust';
import { domainOrm } from '@agent-hive/kernel';
import { migrations } from './migrations/index.js';

/** Schema `communication`. */
export const communicationDomain = domainOrm({ name: 'communication', entities: [], upstream: [trustDomain], migrations });
