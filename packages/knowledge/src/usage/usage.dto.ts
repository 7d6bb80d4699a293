import { IsBoolean, IsOptional, IsUUID } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { PageQuery } from '@agent-hive/kernel/http';
import type { ItemKind } from './usage.entity.js';
import { SuccessDto } from './success.dto.js';

/** That an item was used, and whether it helped. */
export class CreateUsageDto {
  /** The document or memory, as search names it. */
  @IsUUID()
  itemId: string;

  /** The agent that used it; a key of an agent always speaks for that one. */
  @IsOptional()
  @IsUUID()
  agentId?: string | null;

  /** What it was used for. */
  @IsOptional()
  @IsUUID()
  taskId?: string | null;

  @IsBoolean()
  helpful: boolean;
}

/** Which uses to list. */
export class KnowledgeUsageQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  itemId?: string;

  @IsOptional()
  @IsUUID()
  agentId?: string;

  @IsOptional()
  @IsUUID()
  taskId?: string;
}

/** Row of knowledge.usage as SQL returns it. */
export interface UsageRow {
  id: string;
  item_kind: ItemKind;
  item_id: string;
  agent_id: string | null;
  task_id: string | null;
  helpful: boolean;
  created_at: Date | string;
}

/** One use of an item. */
export class KnowledgeUsageDto {
  id: string;
  kind: ItemKind;
  itemId: string;
  agentId: string | null;
  taskId: string | null;
  helpful: boolean;
  createdAt: string;
  /** How the item has done since; only in the answer to the report of a use. */
  item?: SuccessDto;

  static of(row: UsageRow): KnowledgeUsageDto {
    return { id: row.id, kind: row.item_kind, itemId: row.item_id, agentId: row.agent_id, taskId: row.task_id, helpful: row.helpful, createdAt: iso(row.created_at) };
  }
}

/** A page of uses, newest first. */
export class KnowledgeUsagePage {
  items: KnowledgeUsageDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching uses, when asked for. */
  total?: number;
}
