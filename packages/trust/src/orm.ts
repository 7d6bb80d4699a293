import { agentsDomain } from '@agent-hive/agents';
import { domainOrm } from '@agent-hive/kernel';
import { InteractionSchema } from './interaction/interaction.entity.js';
import { migrations } from './migrations/index.js';

/** Schema `trust`: what agents ask of people. */
export const trustDomain = domainOrm({ name: 'trust', entities: [InteractionSchema], upstream: [agentsDomain], migrations });
