import { Injectable } from '@nestjs/common';
import type { Sql } from '@agent-hive/kernel';
import { selectInterested } from './notification.sql.js';
import { NotificationsService, type Notice } from './notifications.service.js';

/** What is told of an interaction. */
export interface ToldInteraction {
  id: string;
  type: string;
  status: string;
  /** Who asks; null for a service, which is told nothing. */
  agentId: string | null;
}

const OPENED: Readonly<Record<string, string>> = {
  approval_request: 'An agent asks for an approval',
  decision_point: 'An agent asks for a decision',
  clarification_request: 'An agent asks what is meant',
  feedback_request: 'An agent asks for feedback',
  manual_intervention: 'An agent asks for a hand',
};

/** Notifies of what agents ask of people, in the transaction of the change: made for the hooks of trust. */
@Injectable()
export class InteractionNoticesService {
  constructor(private readonly notifications: NotificationsService) {}

  /** Tells the users who want to know of what is opened: nobody is asked by name, so it is those whose preferences say so. */
  async opened(db: Sql, { id, type, agentId }: ToldInteraction): Promise<void> {
    const users = await selectInterested(db, 'interaction.opened');
    const title = OPENED[type] ?? 'An agent has something to say';
    await this.notifications.notify(db, users.map((userId): Notice => ({ userId, kind: 'interaction.opened', title, subject: { type: 'interaction', id }, details: { type, ...(agentId !== null && { agentId }) } })));
  }

  /** Tells the agents who asked what came of it: answered (approved and rejected too), expired or cancelled. */
  async settled(db: Sql, interactions: readonly ToldInteraction[]): Promise<void> {
    await this.notifications.notify(db, interactions.flatMap(({ id, type, status, agentId }): Notice[] => {
      const kind = status === 'expired' || status === 'cancelled' ? (`interaction.${status}` as const) : 'interaction.answered';
      return agentId === null ? [] : [{ agentId, kind, title: `Interaction ${status}`, subject: { type: 'interaction', id }, details: { type, status } }];
    }));
  }
}
