import { Injectable } from '@nestjs/common';
import { EntityManager, wrap } from '@mikro-orm/postgresql';
import {
  constraintName, currentTenantId, decodeIdCursor, Forbidden, Invalid, isForeignKeyViolation, NotFound, pageOf, Refused, requireContext, Stale, tenantRead, tenantSql, tenantStatement, transactional,
  type Page,
} from '@agent-hive/kernel';
import { chunksOf } from '../chunk/chunking.js';
import { replaceChunks } from '../chunk/chunk.sql.js';
import { MemoryDto, type CreateMemoryDto, type CreateSuccessorDto, type MemoryQuery, type MemoryRow, type UpdateMemoryDto } from './memory.dto.js';
import { Memory } from './memory.entity.js';
import { countMemories, endValidity, insertMemory, lockMemory, newMemory, selectMemories, selectMemory } from './memory.sql.js';
import { textOf, titleOf } from './text.js';
import { isVisible, requireOwn, viewer } from './visibility.js';

/** What was learned. Who may not read a memory is told that there is none. */
@Injectable()
export class MemoriesService {
  constructor(private readonly em: EntityManager) {}

  /** One memory. Throws NotFound. */
  async get(id: string): Promise<MemoryDto> {
    return MemoryDto.of(requireVisible(await tenantStatement(this.em, (db) => selectMemory(db, id)), id));
  }

  /** A page of memories, newest first. Throws Forbidden when an agent asks for another's. */
  async list(query: MemoryQuery): Promise<Page<MemoryDto>> {
    requireOwn({ agentId: query.agentId });
    const before = decodeIdCursor(query.cursor);
    return tenantRead(this.em, async (db) => {
      const rows = await selectMemories(db, query, viewer(), before);
      const page: Page<MemoryDto> = pageOf(rows, query.limit, (row) => [row.id], (row) => MemoryDto.of(row));
      if (query.total) page.total = await countMemories(db, query, viewer());
      return page;
    });
  }

  /** Keeps something that was learned. Throws Forbidden when an agent speaks for another, Invalid on an expiry before its validity, NotFound on agent or user. */
  async create(input: CreateMemoryDto): Promise<MemoryDto> {
    requireOwn(input);
    const now = new Date();
    const row = newMemory(
      {
        agent_id: input.agentId?.toLowerCase() ?? null,
        user_id: input.userId?.toLowerCase() ?? null,
        name: input.name ?? null,
        knowledge_type: input.knowledgeType,
        domain: input.domain,
        content: input.content,
        read_mode: input.readMode ?? 'tool_call',
        access: input.access ?? 'write',
        supersedes_id: null,
        ...validity(input, now),
      },
      null,
      now,
    );
    return this.keep(row, null, now);
  }

  /**
   * Puts something in the place of a memory, which holds until its successor does and stays readable. Throws NotFound, Forbidden
   * for an agent that may only read it, Refused when it has a successor already, Invalid when it would begin before it.
   */
  async supersede(id: string, input: CreateSuccessorDto): Promise<MemoryDto> {
    const now = new Date();
    return transactional(this.em, async (em) => {
      const before = requireVisible(await tenantSql(em, (db) => lockMemory(db, id)), id);
      requireWritable(before);
      if (before.valid_until !== null) throw new Refused(`memory ${id} has a successor: supersede the newest of GET /v1/memories?lineageId=${id}`, 'superseded');
      const { name, agent_id, user_id, knowledge_type, domain, read_mode, access } = before;
      const row = newMemory({ agent_id, user_id, name: input.name ?? name, knowledge_type, domain, content: input.content, read_mode, access, supersedes_id: before.id, ...validity(input, now) }, before, now);
      if (new Date(row.valid_from) < new Date(before.valid_from)) throw invalid('/validFrom', `must not be before the ${new Date(before.valid_from).toISOString()} of the memory that it takes the place of`);
      return this.keep(row, before, now);
    });
  }

  /** Changes how a memory is used, when it is still at the version (any, when null). Throws NotFound, Stale, Forbidden, or Invalid. */
  async update(id: string, input: UpdateMemoryDto, version: number | null): Promise<MemoryDto> {
    return transactional(this.em, async (em) => {
      const memory = await this.load(em, id, version);
      const { expiresAt, ...rest } = input;
      wrap(memory).assign(rest, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      if (expiresAt !== undefined) memory.expiresAt = expiresAt === null ? null : requireAfter(new Date(expiresAt), memory.validFrom);
      await em.flush();
      const row = (await tenantSql(em, (db) => selectMemory(db, id)))!;
      // The name stands in the heading of every chunk.
      if (input.name !== undefined) await tenantSql(em, (db) => replaceChunks(db, { kind: 'memory', id }, piecesOf(row), new Date()));
      return MemoryDto.of(row);
    });
  }

  /** Deletes a memory; those before and after it stay. Throws NotFound, Stale or Forbidden. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      await em.remove(await this.load(em, id, version)).flush();
    });
  }

  private async keep(row: MemoryRow, before: MemoryRow | null, now: Date): Promise<MemoryDto> {
    try {
      await tenantSql(this.em, async (db) => {
        if (before) await endValidity(db, before, row.id, new Date(row.valid_from), now);
        await insertMemory(db, row);
        await replaceChunks(db, { kind: 'memory', id: row.id }, piecesOf(row), now);
      });
    } catch (error) {
      if (isForeignKeyViolation(error)) throw constraintName(error)?.includes('user') ? new NotFound('user', row.user_id!) : new NotFound('agent', row.agent_id!);
      throw error;
    }
    return MemoryDto.of(row);
  }

  private async load(em: EntityManager, id: string, version: number | null): Promise<Memory> {
    const row = requireVisible(await tenantSql(em, (db) => lockMemory(db, id)), id);
    if (version !== null && row.version !== version) throw new Stale('memory', id);
    requireWritable(row);
    return em.findOneOrFail(Memory, { tenantId: currentTenantId(), id }, { refresh: true });
  }
}

const piecesOf = (row: MemoryRow) => chunksOf(textOf(row.content), { title: titleOf(row), format: 'markdown' });

function requireVisible(row: MemoryRow | undefined, id: string): MemoryRow {
  if (!row || !isVisible(row)) throw new NotFound('memory', id);
  return row;
}

function requireWritable({ id, access }: MemoryRow): void {
  const { actor } = requireContext().principal;
  if (actor.type === 'agent' && access === 'read') throw new Forbidden(`memory ${id} is for agents to read only`, 'read-only');
}

function validity({ validFrom, expiresAt }: CreateSuccessorDto, now: Date): { valid_from: Date; expires_at: Date | null } {
  const from = validFrom == null ? now : new Date(validFrom);
  return { valid_from: from, expires_at: expiresAt == null ? null : requireAfter(new Date(expiresAt), from) };
}

function requireAfter(expiresAt: Date, validFrom: Date): Date {
  if (expiresAt <= validFrom) throw invalid('/expiresAt', `must be after ${validFrom.toISOString()}, from when on it holds`);
  return expiresAt;
}

const invalid = (pointer: string, rule: string): Invalid => new Invalid(`${pointer.slice(1)} ${rule}`, [{ pointer, message: `${pointer.slice(1)} ${rule}` }]);
