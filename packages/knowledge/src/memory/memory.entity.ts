import { defineEntity, p } from '@mikro-orm/postgresql';
import { Agent } from '@agent-hive/agents';
import { User } from '@agent-hive/identity';
import { createdAt, id, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';
import { MARK } from '../usage/mark.js';

/** What kind of thing was learned. */
export const KNOWLEDGE_TYPES = ['pattern', 'solution', 'preference', 'constraint', 'example', 'fact'] as const;
export type KnowledgeType = (typeof KNOWLEDGE_TYPES)[number];

/** Whether a memory stands in every prompt, or is looked up by a tool. */
export const READ_MODES = ['system_prompt', 'tool_call'] as const;
export type ReadMode = (typeof READ_MODES)[number];

/** What agents may do with a memory: read it only, or supersede and change it too. */
export const ACCESSES = ['read', 'write'] as const;
export type MemoryAccess = (typeof ACCESSES)[number];

const INDEX = (name: string, rest: string) => ({ name, expression: `create index "${name}" on "knowledge"."memory" ${rest}` });

/**
 * Something that was learned. Its content never changes: what replaces it is its successor, and ends its validity at the moment
 * at which its own begins, so that of a chain one holds at a time. Neither agent nor user: it is everybody's.
 */
export const MemorySchema = defineEntity({
  name: 'Memory',
  schema: 'knowledge',
  tableName: 'memory',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    agent: () => p.manyToOne(Agent).joinColumns('tenant_id', 'agent_id').ownColumns('agent_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    user: () => p.manyToOne(User).joinColumns('tenant_id', 'user_id').ownColumns('user_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    name: p.text().nullable(),
    knowledgeType: p.text().$type<KnowledgeType>(),
    domain: p.text(),
    /** A text or an object, as it was given. */
    content: p.json<string | Record<string, unknown>>().columnType('jsonb'),
    readMode: p.text().$type<ReadMode>(),
    access: p.text().$type<MemoryAccess>(),
    validFrom: moment(),
    /** When its successor took over. */
    validUntil: moment().nullable(),
    expiresAt: moment().nullable(),
    /** The memory that it took the place of; a plain id, which may be deleted. */
    supersedesId: p.uuid().nullable(),
    /** The first memory of the chain, itself included; a plain id. */
    lineageId: p.uuid(),
    usageCount: p.integer().default(0),
    helpfulCount: p.integer().default(0),
    lastUsedAt: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'memory_successor_unique', expression: 'create unique index "memory_successor_unique" on "knowledge"."memory" ("tenant_id", "supersedes_id") where supersedes_id is not null' }],
  indexes: [
    INDEX('memory_agent_index', `("tenant_id", "agent_id", "id") where agent_id is not null`),
    INDEX('memory_user_index', `("tenant_id", "user_id", "id") where user_id is not null`),
    INDEX('memory_domain_index', `("tenant_id", "domain", "id")`),
    INDEX('memory_knowledge_type_index', `("tenant_id", "knowledge_type", "id")`),
    INDEX('memory_lineage_index', `("tenant_id", "lineage_id", "id")`),
  ],
  checks: [
    { name: 'memory_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'memory_knowledge_type_check', expression: oneOf('knowledge_type', KNOWLEDGE_TYPES) },
    { name: 'memory_domain_check', expression: 'length(domain) between 1 and 100' },
    { name: 'memory_content_check', expression: `jsonb_typeof(content) = 'string' or jsonb_typeof(content) = 'object'` },
    { name: 'memory_read_mode_check', expression: oneOf('read_mode', READ_MODES) },
    { name: 'memory_access_check', expression: oneOf('access', ACCESSES) },
    { name: 'memory_validity_check', expression: 'valid_until >= valid_from' },
    { name: 'memory_expires_at_check', expression: 'expires_at > valid_from' },
    { name: 'memory_usage_check', expression: MARK },
  ],
});

export class Memory extends MemorySchema.class {}
MemorySchema.setClass(Memory);
