import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeCursor, foreignCursor, NotFound, pageOf, Refused, Stale, tenantRead, tenantSql, type Page, type Sql } from '@agent-hive/kernel';
import { chunksInTurns } from '../chunk/chunking.js';
import { replaceChunks } from '../chunk/chunk.sql.js';
import { diffOf } from './diff.js';
import type { CreateDocumentVersionDto, RestoreDocumentDto } from './document.dto.js';
import { DocumentVersionDto, type DiffQuery, type DocumentDiffDto, type DocumentVersionQuery, type DocumentVersionRow } from './document-version.dto.js';
import { insertNextVersion, lockDocument, selectVersion, selectVersions, type NewVersion } from './document.sql.js';
import { TextLimit } from './text-limit.provider.js';

const NUMBER_MAX = 2_147_483_647;

/** The versions of documents: each is written once, and the newest is the current one. Writers hold the document's lock, so no number is given twice. */
@Injectable()
export class DocumentVersionsService {
  constructor(
    private readonly em: EntityManager,
    private readonly limit: TextLimit,
  ) {}

  /** One version with its text. Throws NotFound. */
  async get(documentId: string, number: number): Promise<DocumentVersionDto> {
    return tenantRead(this.em, async (db) => DocumentVersionDto.of(await requireVersion(db, documentId, number)));
  }

  /** A page of a document's versions, newest first. Throws NotFound, Invalid on a cursor. */
  async list(documentId: string, query: DocumentVersionQuery): Promise<Page<DocumentVersionDto>> {
    const before = decodeCursor(query.cursor, 1)?.[0] ?? NUMBER_MAX;
    if (typeof before !== 'number' || !Number.isInteger(before) || before < 1 || before > NUMBER_MAX) throw foreignCursor();
    return tenantRead(this.em, async (db) => {
      const rows = await selectVersions(db, documentId, query.limit, before);
      const newest = rows[0] && query.cursor === undefined ? rows[0] : (await selectVersions(db, documentId, 1, NUMBER_MAX))[0];
      if (!newest) throw new NotFound('document', documentId);
      const page: Page<DocumentVersionDto> = pageOf(rows, query.limit, (row) => [row.number], (row) => DocumentVersionDto.of(row));
      // Numbers have no gaps.
      if (query.total) page.total = newest.number;
      return page;
    });
  }

  /** How two versions differ. Throws NotFound, Refused when they differ too much to be compared in time. */
  async diff(documentId: string, query: DiffQuery): Promise<DocumentDiffDto> {
    const [older, newer] = await tenantRead(this.em, async (db) => {
      const to = query.to ?? (await selectVersions(db, documentId, 1, NUMBER_MAX))[0]?.number ?? 1;
      return [await requireVersion(db, documentId, query.from ?? Math.max(1, to - 1)), await requireVersion(db, documentId, to)] as const;
    });
    const [from, to] = [older.number, newer.number];
    const difference = diffOf(older.content!, newer.content!);
    if (!difference) throw new Refused(`Versions ${from} and ${to} of document ${documentId} differ in too many lines to be compared: read both`, 'too-different');
    return { documentId, from, to, ...difference };
  }

  /** Makes a text the current version of a document that is still at the version (any, when null or undefined). Throws NotFound, Stale, Invalid, or Refused when it is the current text. */
  async create(documentId: string, { content, summary }: CreateDocumentVersionDto, version: number | null | undefined): Promise<DocumentVersionDto> {
    const made = await this.limit.version(content, { summary: summary ?? null, restoredFrom: null });
    return tenantSql(this.em, (db) => this.add(db, documentId, version, async () => made));
  }

  /** Makes the text of an earlier version the current one, as a new version. Throws NotFound, Stale, or Refused when it is the current text. */
  async restore(documentId: string, { number, summary }: RestoreDocumentDto, version: number | null | undefined): Promise<DocumentVersionDto> {
    return tenantSql(this.em, (db) =>
      this.add(db, documentId, version, async () => {
        const { content, digest, size_bytes: sizeBytes, token_count: tokenCount } = await requireVersion(db, documentId, number);
        return { content: content!, digest, sizeBytes, tokenCount, summary: summary ?? null, restoredFrom: number };
      }),
    );
  }

  private async add(db: Sql, documentId: string, version: number | null | undefined, made: () => Promise<NewVersion>): Promise<DocumentVersionDto> {
    const document = await lockDocument(db, documentId);
    if (!document) throw new NotFound('document', documentId);
    if (version != null && document.version !== version) throw new Stale('document', documentId);
    const next = await made();
    if (next.digest === document.digest) throw new Refused(`Version ${document.current_version} of document ${documentId}, the current one, has this text`, 'unchanged', { currentVersion: document.current_version });
    const now = new Date();
    const number = document.current_version + 1;
    await insertNextVersion(db, documentId, number, next, now);
    await replaceChunks(db, { kind: 'document', id: documentId }, await chunksInTurns(next.content, document), now);
    return DocumentVersionDto.of((await selectVersions(db, documentId, 1, number + 1))[0]!);
  }
}

async function requireVersion(db: Sql, documentId: string, number: number): Promise<DocumentVersionRow> {
  const row = await selectVersion(db, documentId, number);
  if (row) return row;
  const [newest] = await selectVersions(db, documentId, 1, NUMBER_MAX);
  throw newest ? new NotFound(`version of document ${documentId}`, String(number)) : new NotFound('document', documentId);
}
