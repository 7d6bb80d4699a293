import type { Notice } from '../notification/notifications.service.js';
import type { DeliveryState } from './delivery.entity.js';

/** What is known of a delivery that has become a dead letter, or has not. */
export interface Ended {
  id: string;
  message_id: string;
  agent_id: string;
  state: DeliveryState;
  from_agent_id: string | null;
}

/** What senders are told of the dead letters among deliveries. One whose message is gone has nobody to tell. */
export const deadLetterNotices = (deliveries: readonly Ended[]): Notice[] =>
  deliveries.flatMap(({ id, message_id: messageId, agent_id: agentId, state, from_agent_id: senderId }) =>
    senderId !== null && (state === 'dead' || state === 'rejected')
      ? [{
          agentId: senderId,
          kind: `mail.${state}` as const,
          title: state === 'dead' ? 'A message could not be delivered' : 'A message was rejected',
          subject: { type: 'delivery', id },
          details: { messageId, agentId },
        }]
      : [],
  );
