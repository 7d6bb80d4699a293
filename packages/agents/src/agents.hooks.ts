import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Risk } from '@agent-hive/audit';
import { Hook } from '@agent-hive/kernel';

/** How many rows of a table keep an agent from being deleted. */
export interface AgentReferences {
  table: string;
  count: number;
}

/** A tool that an agent is about to be granted. */
export interface ToolGrantOrder {
  agentId: string;
  toolId: string;
  securityLevel: Risk;
}

/** Where domains downstream of agents take part in what happens to one. */
@Injectable()
export class AgentsHooks {
  /** Counts what refers to an agent and would be lost or orphaned with it. */
  readonly references = new Hook<[em: EntityManager, agentId: string], AgentReferences[]>('agents.references');
  /** The highest level that an agent has earned, as its place in TRUST_LEVELS: what its sessions begin with. */
  readonly trustLevel = new Hook<[em: EntityManager, agentId: string], number>('agents.trustLevel');
  /** An agent is about to be granted a tool: a throw keeps it from it. */
  readonly toolGranted = new Hook<[em: EntityManager, grant: ToolGrantOrder], void>('agents.toolGranted');
}
