import { agentsDomain } from '@agent-hive/agents';
import { domainOrm } from '@agent-hive/kernel';
import { migrations } from './migrations/index.js';

/** Schema `trust`. */
export const trustDomain = domainOrm({ name: 'trust', entities: [], upstream: [agentsDomain], migrations });
