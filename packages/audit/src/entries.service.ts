import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentTenantId, decodeIdCursor, Forbidden, Invalid, NotFound, pageOf, requireContext, tenantSql, tenantStatement, transactional, type Page } from '@agent-hive/kernel';
import { sql } from 'kysely';
import { AuditHooks } from './audit.hooks.js';
import { CAPTURED_VERBS } from './capture.subscriber.js';
import { EntryDto, type CreateEntryDto, type EntryQuery, type EntryRow } from './entry.dto.js';
import { insertEntry, type EntryInput } from './entry.sql.js';
import { countEntries, selectEntries } from './entry-list.sql.js';

/** Reads the record, and adds to it what the unit of work cannot see. */
@Injectable()
export class EntriesService {
  constructor(
    private readonly em: EntityManager,
    private readonly hooks: AuditHooks,
  ) {}

  /** One entry of the running tenant. Throws NotFound. */
  async get(id: string): Promise<EntryDto> {
    const found = await tenantStatement(this.em, (db) => sql<EntryRow>`select * from audit.entry where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db));
    const row = found.rows[0];
    if (!row) throw new NotFound('entry', id);
    return EntryDto.of(row);
  }

  /** A page of entries, newest first. `from` and `to` bound the ids, so only their months are read. */
  async list(query: EntryQuery): Promise<Page<EntryDto>> {
    return tenantSql(this.em, async (db) => {
      const page: Page<EntryDto> = pageOf(await selectEntries(db, query, decodeIdCursor(query.cursor)), query.limit, (row) => [row.id], (row) => EntryDto.of(row));
      if (query.total) page.total = await countEntries(db, query);
      return page;
    });
  }

  /**
   * An agent's own account of an action. An agent speaks for itself only (Forbidden); an agent of another tenant is
   * NotFound; an action that the hive records itself is Invalid.
   */
  async create(input: CreateEntryDto): Promise<EntryDto> {
    const { actor } = requireContext().principal;
    if (actor.type === 'agent' && actor.id !== input.agentId) throw new Forbidden(`Agent ${actor.id} cannot record actions of agent ${input.agentId}`, 'not-yours');
    await this.requireReportable(input.actionType);
    return transactional(this.em, async (em) => {
      const known = await this.hooks.agentExists.run(em, input.agentId);
      if (known.includes(false)) throw new NotFound('agent', input.agentId);
      const id = await this.record({
        action: input.actionType,
        subjectType: 'agent',
        subjectId: input.agentId,
        agentId: input.agentId,
        sessionId: input.sessionId ?? null,
        risk: input.riskLevel,
        details: input.actionDetails,
      });
      return this.get(id);
    });
  }

  /** Writes one entry in the running transaction; when it fails, so does the change that it records. Returns its id. */
  async record(entry: EntryInput): Promise<string> {
    const written = await tenantStatement(this.em, (db) => sql<{ id: string }>`${insertEntry(entry)} returning id`.execute(db));
    return written.rows[0]!.id;
  }

  /** How many actions of its own an agent has in the record: what it did as the actor, or gave account of. */
  async countActions(agentId: string): Promise<number> {
    const counted = await tenantStatement(this.em, (db) =>
      sql<{ count: string }>`select count(*) as count from audit.entry
        where tenant_id = ${currentTenantId()} and agent_id = ${agentId} and (actor_id = ${agentId} or risk is not null)`.execute(db),
    );
    return Number(counted.rows[0]!.count);
  }

  /** What an agent reports must not look like what the hive saw itself: no change of a table, and nothing that a domain records. */
  private async requireReportable(action: string): Promise<void> {
    const name = action.trim().toLowerCase();
    const [noun, verb = ''] = name.split('.', 2);
    const isCaptured = CAPTURED_VERBS.includes(verb) && [...this.em.getMetadata().getAll().values()].some((meta) => meta.tableName === noun);
    if (!isCaptured && !(await this.hooks.actions.run()).flat().includes(name)) return;
    const message = `${name} is recorded by the hive itself and cannot be reported: give the action a name of its own`;
    throw new Invalid(message, [{ pointer: '/actionType', message }]);
  }
}
