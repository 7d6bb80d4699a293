import { Forbidden, requireContext } from '@agent-hive/kernel';

/** Whose memories may be read: those of everybody are always among them. Null: whoever's. */
export interface Viewer {
  /** Only this agent's own, with or without a user. */
  agentId: string | null;
  /** All agents', and only this user's own. */
  userId: string | null;
}

/** What the caller may read. A key that is neither a user's nor an agent's administers the tenant, and reads all. */
export function viewer(): Viewer {
  const { actor } = requireContext().principal;
  return { agentId: actor.type === 'agent' ? actor.id : null, userId: actor.type === 'user' ? actor.id : null };
}

/** Whether the caller may read a memory. */
export function isVisible(memory: { agent_id: string | null; user_id: string | null }, by: Viewer = viewer()): boolean {
  if (by.agentId !== null) return memory.agent_id === by.agentId || (memory.agent_id === null && memory.user_id === null);
  return by.userId === null || memory.user_id === null || memory.user_id === by.userId;
}

/** Refuses that an agent acts for another, and a user on what is another user's. */
export function requireOwn({ agentId, userId }: { agentId?: string | null; userId?: string | null }): void {
  const by = viewer();
  if (by.agentId !== null && agentId != null && agentId.toLowerCase() !== by.agentId) throw new Forbidden(`Agent ${by.agentId} cannot act for agent ${agentId}`, 'not-yours');
  if (by.agentId !== null && agentId == null && userId != null) throw new Forbidden(`Agent ${by.agentId} keeps what it learns of a user as its own: name agentId too`, 'not-yours');
  if (by.userId !== null && userId != null && userId.toLowerCase() !== by.userId) throw new Forbidden(`User ${by.userId} cannot act for user ${userId}`, 'not-yours');
}
