import { defineEntity, p } from '@mikro-orm/postgresql';
import { id, moment, tenantId, tenantSecurity } from '@agent-hive/kernel';

/** A question that search had no answer to, once for all times that it was asked. */
export const GapSchema = defineEntity({
  name: 'KnowledgeGap',
  schema: 'knowledge',
  tableName: 'gap',
  ...tenantSecurity,
  properties: {
    tenantId: tenantId(),
    id: id(),
    /** sha256 of the query in lower case with single spaces, in hexadecimal. */
    digest: p.text(),
    /** As it was asked first. */
    query: p.text(),
    askedCount: p.integer(),
    /** The agent for which it was asked last; a plain id. */
    agentId: p.uuid().nullable(),
    firstAskedAt: moment(),
    lastAskedAt: moment(),
  },
  uniques: [{ name: 'gap_digest_unique', properties: ['tenantId', 'digest'] }],
  checks: [
    { name: 'gap_digest_check', expression: `digest ~ '^[0-9a-f]{64}$'` },
    { name: 'gap_query_check', expression: 'length(query) between 1 and 2000' },
    { name: 'gap_asked_count_check', expression: 'asked_count >= 1' },
  ],
});

export class KnowledgeGap extends GapSchema.class {}
GapSchema.setClass(KnowledgeGap);
