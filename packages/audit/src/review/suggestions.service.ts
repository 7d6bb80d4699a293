import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, NotFound, pageOf, Stale, tenantRead, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { SuggestionDto, type SuggestionQuery, type UpdateSuggestionDto } from './suggestion.dto.js';
import { OptimizationSuggestion } from './suggestion.entity.js';
import { countSuggestions, selectSuggestion, selectSuggestions } from './suggestion.sql.js';

/** What the hive has suggested, and what became of it. Reviews open suggestions and measure them. */
@Injectable()
export class SuggestionsService {
  constructor(private readonly em: EntityManager) {}

  /** One suggestion. Throws NotFound. */
  async get(id: string): Promise<SuggestionDto> {
    const row = await tenantStatement(this.em, (db) => selectSuggestion(db, id));
    if (!row) throw new NotFound('optimization suggestion', id);
    return SuggestionDto.of(row);
  }

  /** A page of suggestions, newest first. */
  async list(query: SuggestionQuery): Promise<Page<SuggestionDto>> {
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const page: Page<SuggestionDto> = pageOf(await selectSuggestions(db, query, before), query.limit, (row) => [row.id], (row) => SuggestionDto.of(row));
      if (query.total) page.total = await countSuggestions(db, query);
      return page;
    });
  }

  /** Moves a suggestion that is still at the version (any, when null). Throws NotFound, Stale, or Refused with what may follow. */
  async update(id: string, { status, reason = null }: UpdateSuggestionDto, version: number | null): Promise<SuggestionDto> {
    return transactional(this.em, async (em) => {
      const suggestion = await em.findOne(OptimizationSuggestion, { tenantId: currentTenantId(), id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      if (!suggestion) throw new NotFound('optimization suggestion', id);
      if (version !== null && suggestion.version !== version) throw new Stale('optimization suggestion', id);
      suggestion.moveTo(status, reason, new Date());
      await em.flush();
      return this.get(id);
    });
  }
}
