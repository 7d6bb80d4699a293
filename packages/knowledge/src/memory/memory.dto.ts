import { IsIn, IsOptional, IsString, IsUUID, Length, ValidateIf } from 'class-validator';
import { iso } from '@agent-hive/kernel';
import { given, IsLine, IsMoment, IsTextOrObject, MaxJsonBytes, oneOfMessage, PageQuery } from '@agent-hive/kernel/http';
import { SuccessDto } from '../usage/success.dto.js';
import { ACCESSES, KNOWLEDGE_TYPES, READ_MODES, type KnowledgeType, type MemoryAccess, type ReadMode } from './memory.entity.js';

const CONTENT_MAX_BYTES = 65_536;

/** What takes the place of a memory; what is not given stays as it was. */
export class CreateSuccessorDto {
  /** A text or a JSON object, at most 64 KiB. */
  @IsTextOrObject()
  @MaxJsonBytes(CONTENT_MAX_BYTES)
  content: string | Record<string, unknown>;

  @IsOptional()
  @IsString()
  @Length(1, 200)
  @IsLine()
  name?: string | null;

  /** From when on it holds; now by default. */
  @IsOptional()
  @IsMoment()
  validFrom?: string | null;

  /** Until when it holds; for ever by default. */
  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** Something that was learned. With neither agent nor user it is everybody's; with both, what the agent knows of the user. */
export class CreateMemoryDto extends CreateSuccessorDto {
  @IsOptional()
  @IsUUID()
  agentId?: string | null;

  @IsOptional()
  @IsUUID()
  userId?: string | null;

  @IsIn(KNOWLEDGE_TYPES, oneOfMessage)
  knowledgeType: KnowledgeType;

  /** Such as `frontend`, `backend`, `testing`. */
  @IsString()
  @Length(1, 100)
  @IsLine()
  domain: string;

  /** Whether it stands in every prompt, or is looked up by a tool; `tool_call` by default. */
  @ValidateIf(given)
  @IsIn(READ_MODES, oneOfMessage)
  readMode?: ReadMode;

  /** What agents may do with it: `read` it only, or supersede, change and delete it too (`write`, the default). */
  @ValidateIf(given)
  @IsIn(ACCESSES, oneOfMessage)
  access?: MemoryAccess;
}

/** Changes of how a memory is used; absent fields stay. What it says is changed by a successor. */
export class UpdateMemoryDto {
  @IsOptional()
  @IsString()
  @Length(1, 200)
  @IsLine()
  name?: string | null;

  @ValidateIf(given)
  @IsIn(READ_MODES, oneOfMessage)
  readMode?: ReadMode;

  @ValidateIf(given)
  @IsIn(ACCESSES, oneOfMessage)
  access?: MemoryAccess;

  @IsOptional()
  @IsMoment()
  expiresAt?: string | null;
}

/** Which memories to list. */
export class MemoryQuery extends PageQuery {
  /** Those that this agent goes by: its own and everybody's. */
  @IsOptional()
  @IsUUID()
  agentId?: string;

  /** This user's own only. */
  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsIn(KNOWLEDGE_TYPES, oneOfMessage)
  knowledgeType?: KnowledgeType;

  @IsOptional()
  @IsString()
  @Length(1, 100)
  domain?: string;

  @IsOptional()
  @IsIn(READ_MODES, oneOfMessage)
  readMode?: ReadMode;

  /** Those of a chain of successors, by any memory in it. */
  @IsOptional()
  @IsUUID()
  lineageId?: string;

  /** Those that held at this moment; without it all, those that were superseded and those that have expired too. */
  @IsOptional()
  @IsMoment()
  asOf?: string;
}

/** Row of knowledge.memory as SQL returns it. */
export interface MemoryRow {
  id: string;
  agent_id: string | null;
  user_id: string | null;
  name: string | null;
  knowledge_type: KnowledgeType;
  domain: string;
  content: string | Record<string, unknown>;
  read_mode: ReadMode;
  access: MemoryAccess;
  valid_from: Date | string;
  valid_until: Date | string | null;
  expires_at: Date | string | null;
  supersedes_id: string | null;
  lineage_id: string;
  usage_count: number;
  helpful_count: number;
  last_used_at: Date | string | null;
  created_at: Date | string;
  updated_at: Date | string;
  version: number;
}

/** Something that was learned, and how it did. */
export class MemoryDto extends SuccessDto {
  id: string;
  agentId: string | null;
  userId: string | null;
  /** Whose it is. */
  scope: 'agent' | 'user' | 'global';
  name: string | null;
  knowledgeType: KnowledgeType;
  domain: string;
  content: string | Record<string, unknown>;
  readMode: ReadMode;
  access: MemoryAccess;
  validFrom: string;
  /** When its successor took over. */
  validUntil: string | null;
  expiresAt: string | null;
  /** The memory that it took the place of. */
  supersedesId: string | null;
  /** Names the chain of successors: the first of them. */
  lineageId: string;
  createdAt: string;
  updatedAt: string;
  /** Grows with every change; it is the ETag. Uses do not move it. */
  version: number;

  static of(row: MemoryRow): MemoryDto {
    return {
      id: row.id,
      agentId: row.agent_id,
      userId: row.user_id,
      scope: row.agent_id !== null ? 'agent' : row.user_id !== null ? 'user' : 'global',
      name: row.name,
      knowledgeType: row.knowledge_type,
      domain: row.domain,
      content: row.content,
      readMode: row.read_mode,
      access: row.access,
      validFrom: iso(row.valid_from),
      validUntil: iso(row.valid_until),
      expiresAt: iso(row.expires_at),
      supersedesId: row.supersedes_id,
      lineageId: row.lineage_id,
      ...SuccessDto.from(row),
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      version: row.version,
    };
  }
}

/** A page of memories, newest first. */
export class MemoryPage {
  items: MemoryDto[];
  /** Cursor of the next page; null on the last. */
  nextCursor: string | null;
  /** Number of all matching memories, when asked for. */
  total?: number;
}
