import { covers, PLATFORM_SCOPES } from '@agent-hive/kernel/http';
import { Forbidden, Invalid } from '@agent-hive/kernel';

/** Every scope of a tenant, by noun. A key may also hold `noun:*`, and `*` for all of them. */
export const SCOPES: readonly string[] = [
  'agents:read', 'agents:write', 'agents:heartbeat',
  'tools:read', 'tools:write',
  'mcp-servers:read', 'mcp-servers:write',
  'tasks:read', 'tasks:write', 'tasks:claim',
  'processes:write',
  'interactions:read', 'interactions:write', 'interactions:respond',
  'decisions:read', 'decisions:write', 'decisions:judge',
  'trust:read', 'trust:write', 'trust:authorize', 'trust:report', 'trust:stop',
  'sessions:read', 'sessions:write',
  'messages:read', 'messages:write', 'messages:redact',
  'mail:read', 'mail:write', 'mail:send', 'mail:receive',
  'notifications:read', 'notifications:write',
  'knowledge:read', 'knowledge:write',
  'audit:read', 'audit:write',
  'retention:read', 'retention:write', 'webhooks:read', 'webhooks:write',
  'metrics:read', 'metrics:write',
  'reviews:read', 'reviews:write',
  'users:read', 'users:write',
  'roles:read', 'roles:write',
  'keys:read', 'keys:write',
  'projects:read', 'projects:write',
  'preferences:read', 'preferences:write',
  'tenants:read', 'tenants:export',
];

/** Roles that every tenant has. */
export const BUILT_IN_ROLES: Readonly<Record<string, { description: string; scopes: readonly string[] }>> = {
  admin: { description: 'Everything in the tenant', scopes: ['*'] },
  operator: { description: 'Runs the fleet: agents, tools, servers, tasks, sessions, knowledge and projects; answers what agents ask, judges what they decide and how far they are trusted; reads the record and sends it to webhooks', scopes: ['agents:*', 'tools:*', 'mcp-servers:*', 'tasks:*', 'processes:*', 'interactions:*', 'decisions:*', 'trust:*', 'sessions:*', 'messages:*', 'mail:*', 'notifications:*', 'knowledge:*', 'projects:*', 'audit:read', 'retention:read', 'webhooks:*', 'metrics:*', 'reviews:*', 'users:read', 'roles:read', 'keys:read', 'preferences:*', 'tenants:read'] },
  developer: { description: 'Registers agents and tools, defines and creates work', scopes: ['agents:*', 'tools:*', 'mcp-servers:*', 'tasks:*', 'processes:*', 'interactions:*', 'decisions:*', 'trust:read', 'trust:authorize', 'trust:report', 'sessions:*', 'messages:read', 'messages:write', 'mail:*', 'notifications:*', 'knowledge:*', 'projects:read', 'audit:read', 'metrics:*', 'reviews:read', 'preferences:*'] },
  agent: { description: 'What an agent needs for itself', scopes: ['agents:read', 'agents:heartbeat', 'tools:read', 'mcp-servers:read', 'tasks:*', 'interactions:read', 'interactions:write', 'decisions:read', 'decisions:write', 'trust:read', 'trust:authorize', 'trust:report', 'sessions:read', 'sessions:write', 'messages:read', 'messages:write', 'mail:send', 'mail:receive', 'notifications:*', 'knowledge:read', 'knowledge:write', 'audit:write', 'metrics:write', 'projects:read'] },
  viewer: { description: 'Reads everything but the record', scopes: SCOPES.filter((scope) => scope.endsWith(':read') && scope !== 'audit:read') },
};

/** A built-in role by its name. Names come from callers: those of Object.prototype are no roles. */
export const builtInRole = (name: string): { scopes: readonly string[] } | undefined => (Object.hasOwn(BUILT_IN_ROLES, name) ? BUILT_IN_ROLES[name] : undefined);

const nounOf = (scope: string): string => scope.slice(0, scope.indexOf(':'));

/** `noun:*` of nouns of which the platform has a scope: who reads one would take the platform's to be in it. */
const PLATFORM_WILDCARDS = PLATFORM_SCOPES.map((scope) => `${nounOf(scope)}:*`);

const wildcards = [...new Set(SCOPES.map((scope) => `${nounOf(scope)}:*`))].filter((wildcard) => !PLATFORM_WILDCARDS.includes(wildcard));

/** Everything that a key or role may hold. */
export const GRANTABLE: readonly string[] = ['*', ...wildcards, ...SCOPES];

/** Refuses scopes that do not exist, naming those that do, and the platform's, which no tenant's key ever holds. */
export function requireKnown(scopes: readonly string[], pointer = '/scopes'): void {
  const platform = scopes.find((scope) => PLATFORM_SCOPES.includes(scope) || PLATFORM_WILDCARDS.includes(scope));
  if (platform) throw new Forbidden(`The scope ${platform} is the platform's: no key of a tenant can hold it`, 'platform-scope', { scope: platform });
  for (const [i, scope] of scopes.entries()) {
    if (GRANTABLE.includes(scope)) continue;
    throw new Invalid(`There is no scope ${scope}`, [{ pointer: `${pointer}/${i}`, message: `${scope} is no scope`, allowed: GRANTABLE }]);
  }
}

/** Refuses to give what the giver does not hold. */
export function requireHeld(held: readonly string[], given: readonly string[]): void {
  const missing = given.find((scope) => !holds(held, scope));
  if (missing) throw new Forbidden(`You cannot give the scope ${missing}, which you do not have`, 'missing-scope', { scope: missing });
}

/** Scopes of a role by its name; `own` are those of a role of the tenant, null when there is none. */
export const scopesOfRole = (name: string, own: readonly string[] | null): readonly string[] => builtInRole(name)?.scopes ?? own ?? [];

/**
 * What a key or a token opens for a user of a role: both what it names and what the role opens. One that names nothing opens
 * what the role does. So a user's role bounds all of the user's keys and tokens, whenever they were made.
 */
export function boundedBy(role: readonly string[], named: readonly string[] | null): readonly string[] {
  if (named === null) return role;
  return [...new Set([...named.filter((scope) => holds(role, scope)), ...role.filter((scope) => holds(named, scope))])];
}

function holds(held: readonly string[], scope: string): boolean {
  if (held.includes('*') || held.includes(scope)) return true;
  return scope.endsWith(':*') || scope === '*' ? false : covers(held, scope);
}
