import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Hook } from '@agent-hive/kernel';

/** How many rows of a table keep an agent from being deleted. */
export interface AgentReferences {
  table: string;
  count: number;
}

/** Where domains downstream of agents take part in what happens to one. */
@Injectable()
export class AgentsHooks {
  /** Counts what refers to an agent and would be lost or orphaned with it. */
  readonly references = new Hook<[em: EntityManager, agentId: string], AgentReferences[]>('agents.references');
}
