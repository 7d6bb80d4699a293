import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';
import type { InteractionDto } from './interaction/interaction-view.dto.js';

/** Where domains downstream take part in what agents ask of people. Both run in the transaction of the change; what is sent to the outside waits for its commit (`afterCommit`). */
@Injectable()
export class TrustHooks {
  /** An interaction was opened: somebody may want to know. */
  readonly interactionOpened = new Hook<[em: EntityManager, interaction: InteractionDto], void>('trust.interactionOpened');
  /** Interactions were answered, refused, cancelled or expired, up to 500 at once: what waited for them goes on. */
  readonly interactionsSettled = new Hook<[em: EntityManager, interactions: readonly InteractionDto[]], void>('trust.interactionsSettled');
}
