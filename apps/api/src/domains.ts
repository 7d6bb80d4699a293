import { AgentsModule, agentsDomain, type LanguageModelSettings } from '@agent-hive/agents';
import { AuditModule, AuditSettingsModule, auditDomain, CaptureSubscriber, SignerModule, type SignerSource } from '@agent-hive/audit';
import { CommunicationModule, communicationDomain } from '@agent-hive/communication';
import { IdentityModule, identityDomain } from '@agent-hive/identity';
import type { Domain } from '@agent-hive/kernel';
import { KnowledgeModule, knowledgeDomain, type EmbeddingServiceSettings } from '@agent-hive/knowledge';
import { TasksModule, tasksDomain } from '@agent-hive/tasks';
import { TrustModule, trustDomain } from '@agent-hive/trust';
import type { EventSubscriber } from '@mikro-orm/postgresql';
import type { DynamicModule, Type } from '@nestjs/common';
import { auditSettings } from './config/audit-settings.js';
import type { Config } from './config/config.js';

/** The domains in the order of the arrows: each may point to those before it. */
export const domains: readonly Domain[] = [auditDomain, identityDomain, agentsDomain, trustDomain, tasksDomain, communicationDomain, knowledgeDomain];

/** The domains' modules, in the same order. */
export const modules = (config: Config, adminKey: string, signer?: SignerSource): (Type | DynamicModule)[] => [
  AuditSettingsModule.of(auditSettings(config)),
  AuditModule,
  ...(signer ? [SignerModule.of(signer)] : []),
  IdentityModule.forRoot({ adminKey, environment: config.HIVE_ENV }),
  AgentsModule.forRoot({ insights: languageModel(config) }),
  TrustModule,
  TasksModule.forRoot({ estimator: languageModel(config) }),
  CommunicationModule.forRoot({ messageMaxBytes: config.HIVE_MESSAGE_MAX_BYTES }),
  KnowledgeModule.forRoot({ documentMaxBytes: config.HIVE_DOCUMENT_MAX_BYTES, embeddings: embeddingService(config) }),
];

/** Who listens to the unit of work. */
export const subscribers = (): EventSubscriber[] => [new CaptureSubscriber()];

/** One service answers for agents' insights and for tasks' estimates; none unless it is configured. */
function languageModel(config: Config): LanguageModelSettings | undefined {
  const { HIVE_INSIGHTS_URL: url, HIVE_INSIGHTS_MODEL: model, HIVE_INSIGHTS_KEY: key, HIVE_INSIGHTS_TIMEOUT_MS: timeoutMs } = config;
  return url && model ? { url, model, timeoutMs, ...(key && { key }) } : undefined;
}

/** A service that computes embeddings; without one, the hive's own are lexical. */
function embeddingService(config: Config): EmbeddingServiceSettings | undefined {
  const { HIVE_EMBEDDINGS_URL: url, HIVE_EMBEDDINGS_MODEL: model, HIVE_EMBEDDINGS_DIMENSIONS: dimensions, HIVE_EMBEDDINGS_KEY: key, HIVE_EMBEDDINGS_TIMEOUT_MS: timeoutMs } = config;
  return url && model ? { url, model, dimensions, timeoutMs, ...(key && { key }) } : undefined;
}
