import { Migration } from '@mikro-orm/migrations';

const SIGNATURE = 'knowledge.vector_candidates(public.halfvec, uuid, jsonb, int)';

/**
 * A graph that is built with a wider look around each vector, and walked with one: among near-duplicates, recall depended on the
 * graph that one happened to get. Measured in docs/adr/0018. Indexes of chunks hold what is asked of them since vectors say
 * what they are of: no identifiers.
 */
export class Migration20261130203019_surer_graph extends Migration {
  override name = 'Migration20261130203019_surer_graph';

  override up(): void {
    this.addSql(`set local lock_timeout = '5s';`);
    this.indexChunks('');
    this.indexVectors('with (ef_construction = 128)');
    this.widen(150);
  }

  override down(): void {
    this.widen(100);
    this.indexVectors('');
    this.indexChunks('include ("id")');
  }

  private indexChunks(included: string): void {
    for (const kind of ['document', 'memory']) {
      this.addSql(`drop index "knowledge"."chunk_${kind}_index";`);
      this.addSql(`create index "chunk_${kind}_index" on "knowledge"."chunk" ("tenant_id", "${kind}_id", "position") ${included} where ${kind}_id is not null;`);
    }
  }

  private indexVectors(options: string): void {
    this.addSql(`drop index "knowledge"."embedding_1536_index";`);
    this.addSql(`create index "embedding_1536_index" on "knowledge"."embedding" using hnsw (("embedding"::halfvec(1536)) halfvec_cosine_ops) ${options} where dimensions = 1536;`);
  }

  private widen(efSearch: number): void {
    // The library must be there for a login that is no superuser to name its setting.
    this.addSql(`select '[1]'::public.halfvec;`);
    for (const statement of ['set local role hive_search;', `alter function ${SIGNATURE} set hnsw.ef_search = ${efSearch};`, 'set local role hive_owner;']) this.addSql(statement);
  }
}
