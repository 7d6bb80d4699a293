import type { ConsistencyCheck } from '@agent-hive/audit';
import { currentTenantId } from '@agent-hive/kernel';
import { sql } from 'kysely';

/** What must hold of documents and memories, and of what search finds of them. */
export const CONSISTENCY_CHECKS: readonly ConsistencyCheck[] = [
  {
    // By primary keys. A version never goes but with its document.
    name: 'knowledge.document-versions',
    description: 'A document has the versions from 1 to its current one.',
    subjectType: 'document',
    violations: () => sql`
      select d.id from knowledge.document d
       cross join lateral (select count(*) as total, max(v.number) as latest from knowledge.document_version v where v.tenant_id = ${currentTenantId()} and v.document_id = d.id) n
       where d.tenant_id = ${currentTenantId()} and (d.current_version, d.current_version) is distinct from (n.latest, n.total)`,
  },
  {
    // A walk over the chunks. A new text replaces them together.
    name: 'knowledge.chunks',
    description: 'The chunks of a document or a memory have the positions 0, 1, 2 and so on, without a gap and each once.',
    subjectType: 'item',
    violations: () => sql`
      select coalesce(c.document_id, c.memory_id) as id from knowledge.chunk c
       where c.tenant_id = ${currentTenantId()} group by 1 having count(distinct c.position) <> count(*) or max(c.position) <> count(*) - 1`,
  },
  {
    // A walk over the chunks for each model that the hive computes; vectors and what is pending by primary keys. A reindexing of the model mends it.
    name: 'knowledge.vectors',
    description: 'Each chunk has a vector in each model that the hive computes, or waits for one.',
    subjectType: 'chunk',
    violations: () => sql`
      select c.id from knowledge.chunk c
       where c.tenant_id = ${currentTenantId()}
         and exists (select from knowledge.embedding_model m
                      where m.tenant_id = ${currentTenantId()} and m.provider <> 'caller'
                        and not exists (select from knowledge.embedding e where e.tenant_id = ${currentTenantId()} and e.chunk_id = c.id and e.model_id = m.id)
                        and not exists (select from knowledge.pending_embedding p where p.tenant_id = ${currentTenantId()} and p.model_id = m.id and p.chunk_id = c.id))`,
  },
  {
    // A walk over the vectors; chunks by primary key.
    name: 'knowledge.vector-items',
    description: 'A vector says of which document or memory its chunk is.',
    subjectType: 'chunk',
    violations: () => sql`
      select e.chunk_id as id from knowledge.embedding e join knowledge.chunk c on c.tenant_id = e.tenant_id and c.id = e.chunk_id
       where e.tenant_id = ${currentTenantId()} and (case e.item_kind when 'document' then c.document_id else c.memory_id end) is distinct from e.item_id`,
  },
  {
    // By memory_successor_unique, and primary key. Either may be deleted, and then nothing is compared.
    name: 'knowledge.memory-chains',
    description: 'A memory that took the place of another is of its chain, and begins at the moment at which that one ends.',
    subjectType: 'memory',
    violations: () => sql`
      select s.id from knowledge.memory s join knowledge.memory b on b.tenant_id = s.tenant_id and b.id = s.supersedes_id
       where s.tenant_id = ${currentTenantId()} and s.supersedes_id is not null and (b.valid_until, b.lineage_id) is distinct from (s.valid_from, s.lineage_id)`,
  },
  {
    // Uses by usage_item_index. There are fewer than were counted once retention has taken some out.
    name: 'knowledge.usages',
    description: 'Of a document or a memory there are no more uses, and no more that helped, than it counts.',
    subjectType: 'item',
    violations: () => sql`
      select i.id from (
        select d.id, d.usage_count, d.helpful_count from knowledge.document d where d.tenant_id = ${currentTenantId()}
        union all
        select m.id, m.usage_count, m.helpful_count from knowledge.memory m where m.tenant_id = ${currentTenantId()}
      ) i cross join lateral (select count(*) as total, count(*) filter (where u.helpful) as helpful from knowledge.usage u where u.tenant_id = ${currentTenantId()} and u.item_id = i.id) n
       where n.total > i.usage_count or n.helpful > i.helpful_count`,
  },
];
