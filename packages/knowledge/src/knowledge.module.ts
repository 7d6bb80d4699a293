import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { AgentsHooks } from '@agent-hive/agents';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { tenantStatement } from '@agent-hive/kernel';
import { CONSISTENCY_CHECKS } from './consistency.sql.js';
import { DocumentVersionsController } from './document/document-versions.controller.js';
import { DocumentVersionsService } from './document/document-versions.service.js';
import { DocumentsController } from './document/documents.controller.js';
import { DocumentsService } from './document/documents.service.js';
import { TextLimit } from './document/text-limit.provider.js';
import { EmbeddingModelsController } from './embedding/embedding-models.controller.js';
import { EmbeddingModelsService } from './embedding/embedding-models.service.js';
import { Embedders } from './embedding/embedders.provider.js';
import { EmbeddingsService } from './embedding/embeddings.service.js';
import type { EmbeddingServiceSettings } from './embedding/http-embedder.js';
import { MemoriesController } from './memory/memories.controller.js';
import { MemoriesService } from './memory/memories.service.js';
import { countMemoriesOfAgent, deleteMemoriesOfUser } from './memory/memory.sql.js';
import { knowledgeDomain } from './orm.js';
import { SearchController } from './search/search.controller.js';
import { SearchService } from './search/search.service.js';
import { RETENTION_STORES } from './stores.js';
import { UsagesController } from './usage/usages.controller.js';
import { UsagesService } from './usage/usages.service.js';

/** How the domain is set up. */
export interface KnowledgeOptions {
  /** Largest text of a document, in bytes as UTF-8; 10,000,000 by default. */
  documentMaxBytes?: number;
  /** A service that computes embeddings, in place of the hive's own lexical ones. */
  embeddings?: EmbeddingServiceSettings;
}

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [
  { table: 'knowledge.document', key: ['id'] },
  { table: 'knowledge.document_version', key: ['document_id', 'number'] },
  { table: 'knowledge.memory', key: ['id'] },
  { table: 'knowledge.chunk', key: ['id'] },
  { table: 'knowledge.embedding_model', key: ['id'] },
  { table: 'knowledge.embedding', key: ['chunk_id', 'model_id'] },
  { table: 'knowledge.pending_embedding', key: ['model_id', 'chunk_id'] },
  { table: 'knowledge.usage', key: ['id'] },
  { table: 'knowledge.gap', key: ['id'] },
];

/** What this domain records beside the changes of its tables. */
const ACTIONS = ['document.version_added', 'document.cascaded', 'memory.superseded', 'memory.cascaded', 'memory.used', 'document.used', 'gap.found', 'embedding_model.embedded', 'embedding_model.reindexed'];

@Module({})
export class KnowledgeModule implements OnModuleInit {
  constructor(
    private readonly em: EntityManager,
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
    private readonly agentsHooks: AgentsHooks,
  ) {}

  static forRoot(options: KnowledgeOptions = {}): DynamicModule {
    return {
      module: KnowledgeModule,
      imports: [AuditModule],
      controllers: [DocumentsController, DocumentVersionsController, MemoriesController, UsagesController, SearchController, EmbeddingModelsController],
      providers: [
        DocumentsService, DocumentVersionsService, MemoriesService, UsagesService, SearchService, EmbeddingsService, EmbeddingModelsService,
        { provide: TextLimit, useFactory: () => new TextLimit(options.documentMaxBytes) },
        { provide: Embedders, useFactory: () => new Embedders(options.embeddings) },
      ],
      exports: [DocumentsService, MemoriesService, UsagesService, SearchService, EmbeddingsService],
    };
  }

  onModuleInit(): void {
    this.auditHooks.actions.register('knowledge', async () => ACTIONS);
    this.auditHooks.consistencyChecks.register('knowledge', async () => CONSISTENCY_CHECKS);
    this.agentsHooks.references.register('knowledge', async (_em, id) => [{ table: 'knowledge.memory', count: await tenantStatement(this.em, (db) => countMemoriesOfAgent(db, id)) }]);
    this.identityHooks.userDeleted.register('knowledge', (_em, id) => tenantStatement(this.em, (db) => deleteMemoriesOfUser(db, id)));
    this.auditHooks.stores.register('knowledge', async () => RETENTION_STORES);
    this.identityHooks.stores.register('knowledge', async () => ({ domain: knowledgeDomain, stores: STORES }));
  }
}
