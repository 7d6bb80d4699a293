import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, requireContext, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { DocumentQuery, DocumentRow } from './document.dto.js';
import type { DocumentVersionRow } from './document-version.dto.js';

const COLUMNS = sql`d.id, d.name, d.title, d.category, d.format, d.tags, d.document_metadata, d.current_version, v.digest, v.size_bytes, v.token_count, d.usage_count, d.helpful_count, d.last_used_at,
  d.created_at, d.updated_at, d.version`;

const VERSION_COLUMNS = sql`document_id, number, digest, size_bytes, token_count, summary, restored_from, created_by_name, created_at`;

const FROM = sql`from knowledge.document d join knowledge.document_version v on v.tenant_id = d.tenant_id and v.document_id = d.id and v.number = d.current_version`;

/** A version that is to be made. */
export interface NewVersion {
  content: string;
  digest: string;
  sizeBytes: number;
  tokenCount: number;
  summary: string | null;
  restoredFrom: number | null;
}

const insertVersion = (documentId: string, number: RawBuilder<unknown>, version: NewVersion, now: Date): RawBuilder<unknown> => sql`
  insert into knowledge.document_version (tenant_id, document_id, number, content, digest, size_bytes, token_count, summary, restored_from, created_by_name, created_at)
  select ${currentTenantId()}::uuid, ${documentId}::uuid, ${number}, ${version.content}, ${version.digest}, ${version.sizeBytes}::int, ${version.tokenCount}::int, ${version.summary}, ${version.restoredFrom}::int,
         ${requireContext().principal.actor.name}, ${now}::timestamptz`;

/** Writes a document with its first version, and its entry: of the text the record keeps the digest. Breaks document_category_name_unique. */
export async function insertDocument(db: Sql, row: DocumentRow, version: NewVersion, now: Date): Promise<void> {
  const { id, name, title, category, format, tags, document_metadata: metadata } = row;
  const newState = { name, title, category, format, tags, documentMetadata: metadata, currentVersion: 1, digest: version.digest, sizeBytes: version.sizeBytes };
  await sql`
    with entry as (${insertEntry({ action: 'document.created', subjectType: 'document', subjectId: id, newState })}),
    made as (
      insert into knowledge.document (tenant_id, id, name, title, category, format, tags, document_metadata, current_version, created_at, updated_at, version)
      values (${currentTenantId()}, ${id}, ${name}, ${title}, ${category}, ${format}, ${JSON.stringify(tags)}, ${JSON.stringify(metadata)}, 1, ${now}, ${now}, 1)
    )
    ${insertVersion(id, sql`1`, version, now)}`.execute(db);
}

/** Writes a version, makes it the current one, and its entry. Only under the document's lock is the number free. */
export async function insertNextVersion(db: Sql, id: string, number: number, version: NewVersion, now: Date): Promise<void> {
  const { digest, sizeBytes, summary, restoredFrom } = version;
  const entry = insertEntry({ action: 'document.version_added', subjectType: 'document', subjectId: id, previousState: { currentVersion: number - 1 }, newState: { currentVersion: number, digest, sizeBytes, summary, restoredFrom } });
  await sql`
    with entry as (${entry}),
    made as (${insertVersion(id, sql`${number}::int`, version, now)})
    update knowledge.document set current_version = ${number}, updated_at = ${now}, version = version + 1 where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
}

/** One document with its text, by primary keys. */
export async function selectDocument(db: Sql, id: string): Promise<DocumentRow | undefined> {
  const found = await sql<DocumentRow>`select ${COLUMNS}, v.content ${FROM} where d.tenant_id = ${currentTenantId()} and d.id = ${id}`.execute(db);
  return found.rows[0];
}

/**
 * One document that nobody else changes until the transaction ends. It is read by a statement of its own: one that waited for the
 * lock would see the document as it is now, and versions as they were when it began.
 */
export async function lockDocument(db: Sql, id: string): Promise<DocumentRow | undefined> {
  await sql`select from knowledge.document where tenant_id = ${currentTenantId()} and id = ${id} for no key update`.execute(db);
  const found = await sql<DocumentRow>`select ${COLUMNS} ${FROM} where d.tenant_id = ${currentTenantId()} and d.id = ${id}`.execute(db);
  return found.rows[0];
}

function conditions({ category, name, tags }: DocumentQuery): RawBuilder<unknown> {
  const all = [sql`d.tenant_id = ${currentTenantId()}`];
  if (category !== undefined) all.push(sql`d.category = ${category}`);
  if (name !== undefined) all.push(sql`d.name = ${name}`);
  if (tags !== undefined) all.push(sql`d.id in (select document_id from knowledge.tagged(${JSON.stringify(tags)}::jsonb))`);
  return sql.join(all, sql` and `);
}

/** A page of documents, newest first, with one more than it holds. Each filter has an index; that of tags is inside knowledge.tagged(). */
export async function selectDocuments(db: Sql, query: DocumentQuery, before: string | undefined): Promise<DocumentRow[]> {
  const older = before === undefined ? sql`true` : sql`d.id < ${before}::uuid`;
  const found = await sql<DocumentRow>`select ${COLUMNS} ${FROM} where ${conditions(query)} and ${older} order by d.id desc limit ${query.limit + 1}`.execute(db);
  return found.rows;
}

/** How many documents match, whatever the page. */
export async function countDocuments(db: Sql, query: DocumentQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from knowledge.document d where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** A page of versions, newest first, with one more than it holds, by primary key. */
export async function selectVersions(db: Sql, documentId: string, limit: number, before: number): Promise<DocumentVersionRow[]> {
  const found = await sql<DocumentVersionRow>`
    select ${VERSION_COLUMNS} from knowledge.document_version where tenant_id = ${currentTenantId()} and document_id = ${documentId} and number < ${before} order by number desc limit ${limit + 1}`.execute(db);
  return found.rows;
}

/** How many versions a document has, and what else is gone with it. */
export async function countParts(db: Sql, documentId: string): Promise<{ versions: number; chunks: number }> {
  const found = await sql<{ versions: string; chunks: string }>`
    select (select count(*) from knowledge.document_version where tenant_id = ${currentTenantId()} and document_id = ${documentId}) as versions,
           (select count(*) from knowledge.chunk where tenant_id = ${currentTenantId()} and document_id = ${documentId}) as chunks`.execute(db);
  return { versions: Number(found.rows[0]!.versions), chunks: Number(found.rows[0]!.chunks) };
}

/** One version with its text, by primary key. */
export async function selectVersion(db: Sql, documentId: string, number: number): Promise<DocumentVersionRow | undefined> {
  const found = await sql<DocumentVersionRow>`
    select ${VERSION_COLUMNS}, content from knowledge.document_version where tenant_id = ${currentTenantId()} and document_id = ${documentId} and number = ${number}`.execute(db);
  return found.rows[0];
}
