import { trustDomain } from '@agent-hive/trust';
import { domainOrm } from '@agent-hive/kernel';
import { MessageSchema } from './message/message.entity.js';
import { migrations } from './migrations/index.js';

/** Schema `communication`: messages of sessions. */
export const communicationDomain = domainOrm({ name: 'communication', entities: [MessageSchema], upstream: [trustDomain], migrations });
