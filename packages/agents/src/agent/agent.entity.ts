import { defineEntity, p } from '@mikro-orm/postgresql';
import { Project } from '@agent-hive/identity';
import { createdAt, id, Invalid, jsonType, moment, oneOf, tenantId, tenantSecurity, updatedAt, version } from '@agent-hive/kernel';

/** Kinds of agents that every tenant knows; a tenant may add its own (agent_type). */
export const AGENT_TYPES = ['backend-engineer', 'qa-test-guardian', 'devops-deployer', 'general-purpose'] as const;

/** Roles that an agent plays in a team. */
export const PERSONAS = ['developer', 'qa', 'architect', 'security', 'compliance', 'documentation', 'orchestrator', 'general'] as const;
export type Persona = (typeof PERSONAS)[number];

/** What an insights provider found, and when. Other keys are the provider's own. */
export interface AiMetadata {
  last_insights?: Record<string, unknown>;
  /** ISO-8601. */
  analysis_timestamp?: string;
  /** Why the analysis after that failed, and when (ISO-8601); the next one that does not ends it. */
  last_error?: { message: string; at: string };
  [key: string]: unknown;
}

/** Someone who works: its identity, what it can do, and what is known of how well it does it. Where it is and how it fares is its presence. */
export const AgentSchema = defineEntity({
  name: 'Agent',
  schema: 'agents',
  tableName: 'agent',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    type: p.text(),
    personaType: p.text().$type<Persona>().nullable(),
    description: p.text().nullable(),
    model: p.text().nullable(),
    capabilities: p.json<string[]>().columnType('jsonb').defaultRaw(`'[]'::jsonb`), // names, none twice
    config: p.json<Record<string, unknown>>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // the agent's own, not interpreted
    externalId: p.text().nullable(),
    project: () => p.manyToOne(Project).joinColumns('tenant_id', 'project_id').ownColumns('project_id').deleteRule('restrict').updateRule('no action').ref().nullable(),
    enhancedFeaturesEnabled: p.boolean().default(false),
    performanceScore: p.integer().default(0),
    learningMetrics: p.json<Record<string, unknown>>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // figures of the last insights, by name
    optimizationSuggestions: p.json<string[]>().columnType('jsonb').defaultRaw(`'[]'::jsonb`), // of the last insights, as sentences
    aiMetadata: p.json<AiMetadata>().columnType('jsonb').defaultRaw(`'{}'::jsonb`), // AiMetadata, above
    lastAiAnalysis: moment().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    version: version(),
  },
  uniques: [{ name: 'agent_external_id_unique', expression: 'create unique index "agent_external_id_unique" on "agents"."agent" ("tenant_id", "external_id") where external_id is not null' }],
  indexes: [
    { name: 'agent_name_index', properties: ['tenantId', 'name', 'id'] },
    { name: 'agent_type_index', properties: ['tenantId', 'type', 'id'] },
    { name: 'agent_persona_index', properties: ['tenantId', 'personaType', 'id'], where: 'persona_type is not null' },
    { name: 'agent_project_index', properties: ['tenantId', 'project', 'id'], where: 'project_id is not null' },
    { name: 'agent_performance_score_index', properties: ['tenantId', 'performanceScore', 'id'] },
    { name: 'agent_enhanced_features_index', properties: ['tenantId', 'id'], where: 'enhanced_features_enabled' },
    { name: 'agent_capabilities_index', expression: 'create index "agent_capabilities_index" on "agents"."agent" using gin ("tenant_id", "capabilities")' },
  ],
  checks: [
    { name: 'agent_name_check', expression: `length(name) between 1 and 100 and name = btrim(name)` },
    { name: 'agent_type_check', expression: 'length(type) between 1 and 50' },
    { name: 'agent_persona_type_check', expression: oneOf('persona_type', PERSONAS) },
    { name: 'agent_external_id_check', expression: 'length(external_id) between 1 and 200' },
    { name: 'agent_performance_score_check', expression: 'performance_score between 0 and 100' },
    { name: 'agent_capabilities_check', expression: jsonType('capabilities', 'array') },
    { name: 'agent_config_check', expression: jsonType('config', 'object') },
    { name: 'agent_learning_metrics_check', expression: jsonType('learning_metrics', 'object') },
    { name: 'agent_optimization_suggestions_check', expression: jsonType('optimization_suggestions', 'array') },
    { name: 'agent_ai_metadata_check', expression: jsonType('ai_metadata', 'object') },
  ],
});

export class Agent extends AgentSchema.class {}
AgentSchema.setClass(Agent);

/** The name as it is stored: trimmed, 1 to 100 characters. Throws Invalid. */
export function agentName(name: string): string {
  const trimmed = name.trim();
  if (trimmed === '') throw new Invalid('Agent name cannot be empty', [{ pointer: '/name', message: 'Agent name cannot be empty' }]);
  if (trimmed.length > 100) throw new Invalid('Agent name cannot exceed 100 characters', [{ pointer: '/name', message: 'Agent name cannot exceed 100 characters' }]);
  return trimmed;
}

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** Refuses metadata whose analysis_timestamp is there but is no ISO-8601 moment; `Z` is accepted. */
export function requireAiMetadata(metadata: AiMetadata): AiMetadata {
  const at = metadata.analysis_timestamp;
  if (at !== undefined && (typeof at !== 'string' || !ISO_8601.test(at) || Number.isNaN(Date.parse(at)))) {
    throw new Invalid('Invalid analysis_timestamp format in ai_metadata', [{ pointer: '/aiMetadata/analysis_timestamp', message: 'must be ISO-8601' }]);
  }
  return metadata;
}
