import { Forbidden, requireContext } from '@agent-hive/kernel';

/** What people do about trust, or keys that stand for them. Throws Forbidden (`people-only`) for an agent, `own-trust` for one that would do it to itself. */
export function requirePeople(what: string, agentId?: string): void {
  const { actor } = requireContext().principal;
  if (actor.type !== 'agent') return;
  if (agentId !== undefined && actor.id === agentId.toLowerCase()) throw new Forbidden(`Agent ${actor.id} never ${what} itself: a person does`, 'own-trust');
  throw new Forbidden(`No agent ${what}: a person does, and ${actor.name} is an agent`, 'people-only');
}
