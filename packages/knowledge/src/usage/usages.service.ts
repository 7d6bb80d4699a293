import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { decodeIdCursor, newId, NotFound, pageOf, requireContext, tenantRead, tenantSql, type Page } from '@agent-hive/kernel';
import { isVisible, requireOwn, viewer } from '../memory/visibility.js';
import { SuccessDto } from './success.dto.js';
import { KnowledgeUsageDto, type CreateUsageDto, type KnowledgeUsageQuery, type UsageRow } from './usage.dto.js';
import { countUsages, insertUsage, selectItem, selectUsages } from './usage.sql.js';

/** What was used by whom and for what, and whether it helped: it moves the success of an item, which weighs in search. */
@Injectable()
export class UsagesService {
  constructor(private readonly em: EntityManager) {}

  /** Records a use. Throws NotFound on an item that the caller cannot see, Forbidden when an agent speaks for another. */
  async create(input: CreateUsageDto): Promise<KnowledgeUsageDto> {
    requireOwn(input);
    const { actor } = requireContext().principal;
    return tenantSql(this.em, async (db) => {
      const item = await selectItem(db, input.itemId);
      if (!item || !isVisible(item)) throw new NotFound('document or memory', input.itemId);
      const usage: UsageRow = {
        id: newId(),
        item_kind: item.kind,
        item_id: input.itemId.toLowerCase(),
        agent_id: input.agentId?.toLowerCase() ?? (actor.type === 'agent' ? actor.id : null),
        task_id: input.taskId?.toLowerCase() ?? null,
        helpful: input.helpful,
        created_at: new Date(),
      };
      const mark = await insertUsage(db, usage);
      if (!mark) throw new NotFound('document or memory', input.itemId);
      return { ...KnowledgeUsageDto.of(usage), item: SuccessDto.from(mark) };
    });
  }

  /** A page of uses, newest first: of an agent's key, that agent's own. */
  async list(query: KnowledgeUsageQuery): Promise<Page<KnowledgeUsageDto>> {
    requireOwn({ agentId: query.agentId });
    const own = { ...query, agentId: viewer().agentId ?? query.agentId };
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const page: Page<KnowledgeUsageDto> = pageOf(await selectUsages(db, own, before), query.limit, (row) => [row.id], (row) => KnowledgeUsageDto.of(row));
      if (query.total) page.total = await countUsages(db, own);
      return page;
    });
  }
}
