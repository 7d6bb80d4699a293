import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, id, moment, oneOf, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** Who computes the vectors of a model: the hive itself, the configured service, or callers who bring their own. */
export const PROVIDERS = ['lexical', 'http', 'caller'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Most dimensions of a model: half-precision vectors of this size fit a page uncompressed. */
export const DIMENSIONS_MAX = 4000;

/** What texts become vectors by. Vectors of different models are never compared; one model of a tenant is what search uses when told nothing. */
export const EmbeddingModelSchema = defineEntity({
  name: 'EmbeddingModel',
  schema: 'knowledge',
  tableName: 'embedding_model',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    name: p.text(),
    dimensions: p.integer(),
    provider: p.text().$type<Provider>(),
    isDefault: p.boolean(),
    /** Why the last attempt at embedding failed; null after a success. */
    lastError: p.text().nullable(),
    /** No attempt before this: a service that fails is left alone for a while. */
    retryAt: moment().nullable(),
    createdAt: createdAt(),
  },
  uniques: [
    { name: 'embedding_model_name_unique', properties: ['tenantId', 'name'] },
    { name: 'embedding_model_default_unique', expression: 'create unique index "embedding_model_default_unique" on "knowledge"."embedding_model" ("tenant_id") where is_default' },
  ],
  checks: [
    { name: 'embedding_model_name_check', expression: 'length(name) between 1 and 200' },
    { name: 'embedding_model_dimensions_check', expression: `dimensions between 1 and ${DIMENSIONS_MAX}` },
    { name: 'embedding_model_provider_check', expression: oneOf('provider', PROVIDERS) },
    { name: 'embedding_model_last_error_check', expression: 'length(last_error) <= 1000' },
  ],
});

export class EmbeddingModel extends EmbeddingModelSchema.class {}
EmbeddingModelSchema.setClass(EmbeddingModel);
