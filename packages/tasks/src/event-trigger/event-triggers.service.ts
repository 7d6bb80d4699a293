import { Injectable } from '@nestjs/common';
import { EntityManager, LockMode, wrap } from '@mikro-orm/postgresql';
import { EventsService } from '@agent-hive/audit';
import { currentTenantId, decodeIdCursor, Invalid, isForeignKeyViolation, isUniqueViolation, NotFound, pageOf, Refused, Stale, transactional, type Page } from '@agent-hive/kernel';
import { ProcessRunsService } from '../process/process-runs.service.js';
import { Process } from '../process/process.entity.js';
import { EventFiringService } from './event-firing.service.js';
import { EventTriggerDto, type CreateEventTriggerDto, type EventTriggerQuery, type UpdateEventTriggerDto } from './event-trigger.dto.js';
import { EventTrigger } from './event-trigger.entity.js';
import { unknownPaths } from './mapping.js';

const MAX_PER_MINUTE = 60;

/** Which events start which process. That it happens is the EventFiringService's part. */
@Injectable()
export class EventTriggersService {
  constructor(
    private readonly em: EntityManager,
    private readonly events: EventsService,
    private readonly runs: ProcessRunsService,
    private readonly firing: EventFiringService,
  ) {}

  /** One event trigger. Throws NotFound. */
  async get(id: string): Promise<EventTriggerDto> {
    return EventTriggerDto.of(await this.load(this.em, id, null));
  }

  /** A page of event triggers, newest first; those of a process are found by event_trigger_process_index. */
  async list(query: EventTriggerQuery): Promise<Page<EventTriggerDto>> {
    const tenantId = currentTenantId();
    const before = decodeIdCursor(query.cursor);
    const where = { tenantId, ...(query.processId !== undefined && { process: [tenantId, query.processId] as [string, string] }) };
    const keyset = before === undefined ? where : { ...where, id: { $lt: before } };
    const triggers = await this.em.find(EventTrigger, keyset, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const page: Page<EventTriggerDto> = pageOf(triggers, query.limit, (trigger) => [trigger.id], (trigger) => EventTriggerDto.of(trigger));
    if (query.total) page.total = await this.em.count(EventTrigger, where);
    return page;
  }

  /**
   * An event trigger, for events from now on. Throws Invalid on placeholders of what no event has, NotFound on the process, Refused when the
   * process is not started by events or the name is taken.
   */
  async create({ name, processId, actions, filter = {}, parameters = {}, maxPerMinute = MAX_PER_MINUTE, isEnabled = true }: CreateEventTriggerDto): Promise<EventTriggerDto> {
    requirePaths(parameters);
    return transactional(this.em, async (em) => {
      await this.runs.requireTrigger(processId, 'event');
      const process = em.getReference(Process, [currentTenantId(), processId], { wrapped: true });
      const trigger = em.create(EventTrigger, { name, process, actions, filter, parameters, maxPerMinute, isEnabled, sequence: await this.events.head() });
      await this.flush(em, name, processId);
      return EventTriggerDto.of(trigger);
    });
  }

  /** Changes an event trigger that is still at the version (any, when null). Throws NotFound, Stale, and as create() does. */
  async update(id: string, input: UpdateEventTriggerDto, version: number | null): Promise<EventTriggerDto> {
    if (input.parameters) requirePaths(input.parameters);
    return transactional(this.em, async (em) => {
      // Held, so that it does not fire meanwhile by what is about to change.
      const trigger = await this.load(em, id, version, LockMode.PESSIMISTIC_WRITE);
      if (input.isEnabled === true && !trigger.isEnabled) trigger.sequence = await this.events.head();
      wrap(trigger).assign(input, { ignoreUndefined: true, merge: false, mergeObjectProperties: false });
      await this.flush(em, trigger.name, trigger.process.unwrap().id);
      return EventTriggerDto.of(trigger);
    });
  }

  /** Deletes an event trigger; what it started goes on. Throws NotFound or Stale. */
  async delete(id: string, version: number | null): Promise<void> {
    await transactional(this.em, async (em) => {
      await em.remove(await this.load(em, id, version, LockMode.PESSIMISTIC_WRITE)).flush();
    });
  }

  /** Fires for what is new in the running tenant's feed; returns how many runs were started. */
  async fire(now?: Date): Promise<number> {
    return this.firing.fire(now);
  }

  private async load(em: EntityManager, id: string, version: number | null, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<EventTrigger> {
    const trigger = await em.findOne(EventTrigger, { tenantId: currentTenantId(), id }, { lockMode, refresh: lockMode !== undefined });
    if (!trigger) throw new NotFound('event trigger', id);
    if (version !== null && trigger.version !== version) throw new Stale('event trigger', id);
    return trigger;
  }

  private async flush(em: EntityManager, name: string, processId: string): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`An event trigger named ${name} exists: change it, or give this one another name`, 'conflict');
      if (isForeignKeyViolation(error)) throw new NotFound('process', processId);
      throw error;
    }
  }
}

function requirePaths(parameters: Record<string, unknown>): void {
  const errors = unknownPaths(parameters, '/parameters');
  if (errors.length > 0) throw new Invalid(errors.map((error) => `${error.pointer}: ${error.message}`).join('; '), errors);
}
