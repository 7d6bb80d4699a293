import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { EntriesService } from '@agent-hive/audit';
import { currentTenantId, decodeIdCursor, isUniqueViolation, newId, NotFound, pageOf, Refused, Stale, tenantRead, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { chunksInTurns } from '../chunk/chunking.js';
import { replaceChunks } from '../chunk/chunk.sql.js';
import { TextLimit } from './text-limit.provider.js';
import { DocumentDto, type CreateDocumentDto, type DocumentQuery, type DocumentRow, type UpdateDocumentDto } from './document.dto.js';
import { KnowledgeDocument } from './document.entity.js';
import { countDocuments, countParts, insertDocument, lockDocument, selectDocument, selectDocuments } from './document.sql.js';

/** Documents, and what is said of them. Their texts are written by SQL, and chunked in the transaction that makes them current. */
@Injectable()
export class DocumentsService {
  constructor(
    private readonly em: EntityManager,
    private readonly limit: TextLimit,
    private readonly entries: EntriesService,
  ) {}

  /** One document with its current text. Throws NotFound. */
  async get(id: string): Promise<DocumentDto> {
    const row = await tenantStatement(this.em, (db) => selectDocument(db, id));
    if (!row) throw new NotFound('document', id);
    return DocumentDto.of(row);
  }

  /** A page of documents, newest first. */
  async list(query: DocumentQuery): Promise<Page<DocumentDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectDocuments(db, query, before);
      const page: Page<DocumentDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => DocumentDto.of(row));
      if (query.total) page.total = await countDocuments(db, query);
      return page;
    });
  }

  /** Makes a document with its first version. Throws Invalid on a text that is too large or empty, Refused when the category has one of this name. */
  async create(input: CreateDocumentDto): Promise<DocumentDto> {
    const version = await this.limit.version(input.content, { summary: null, restoredFrom: null });
    const now = new Date();
    const row: DocumentRow = {
      id: newId(),
      name: input.name,
      title: input.title ?? input.name,
      category: input.category,
      format: input.format ?? 'markdown',
      tags: input.tags ?? [],
      document_metadata: input.documentMetadata ?? {},
      current_version: 1,
      digest: version.digest,
      size_bytes: version.sizeBytes,
      token_count: version.tokenCount,
      usage_count: 0,
      helpful_count: 0,
      last_used_at: null,
      created_at: now,
      updated_at: now,
      version: 1,
    };
    const pieces = await chunksInTurns(version.content, row);
    try {
      await tenantSql(this.em, async (db) => {
        await insertDocument(db, row, version, now);
        await replaceChunks(db, { kind: 'document', id: row.id }, pieces, now);
      });
    } catch (error) {
      throw nameTaken(error, row);
    }
    return DocumentDto.of(row);
  }

  /** Changes what is said of a document that is still at the version (any, when null). Throws NotFound, Stale, or Refused when the name is taken. */
  async update(id: string, input: UpdateDocumentDto, version: number | null): Promise<DocumentDto> {
    return transactional(this.em, async (em) => {
      const document = await this.load(em, id, version);
      const isTitled = input.title !== undefined && input.title !== document.title;
      wrap(document).assign(input, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      try {
        await em.flush();
      } catch (error) {
        throw nameTaken(error, document);
      }
      const row = (await tenantSql(em, (db) => selectDocument(db, id)))!;
      // The title stands in the heading of every chunk.
      if (isTitled) await tenantSql(em, async (db) => replaceChunks(db, { kind: 'document', id }, await chunksInTurns(row.content!, row), new Date()));
      return DocumentDto.of({ ...row, content: undefined });
    });
  }

  /** Deletes a document with its versions; the record keeps how many. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      const document = await this.load(em, id, version);
      const counts = await tenantSql(em, (db) => countParts(db, id));
      await em.remove(document).flush();
      await this.entries.record({ action: 'document.cascaded', subjectType: 'document', subjectId: id, details: { counts } });
    });
  }

  private async load(em: EntityManager, id: string, version: number | null): Promise<KnowledgeDocument> {
    await tenantSql(em, (db) => lockDocument(db, id));
    // Read after the lock, whose waiting may have made an earlier copy stale.
    const document = await em.findOne(KnowledgeDocument, { tenantId: currentTenantId(), id }, { refresh: true });
    if (!document) throw new NotFound('document', id);
    if (version !== null && document.version !== version) throw new Stale('document', id);
    return document;
  }
}

const nameTaken = (error: unknown, { category, name }: { category: string; name: string }): unknown =>
  isUniqueViolation(error) ? new Refused(`Category ${category} has a document named ${name}: give it a new version, or choose another name`, 'conflict') : error;
