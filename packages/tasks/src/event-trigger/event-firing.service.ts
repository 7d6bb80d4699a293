import { Injectable, Logger } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { EventDto, EventsService, look, patternsOf, type EventRow } from '@agent-hive/audit';
import { requireContext, runAs, tenantSql, transactional } from '@agent-hive/kernel';
import { WakeupsService } from '../claim/wakeups.service.js';
import { ProcessRunsService } from '../process/process-runs.service.js';
import { isPassing, tellable } from '../process/setback.js';
import type { EventFilter } from './event-trigger.entity.js';
import { countRecentRuns, lockBehind, moveTrigger, passEvents, selectLineages, type BehindRow } from './event-trigger.sql.js';
import { mapped } from './mapping.js';

/** Events that are looked at in one transaction, which starts one run at most. */
const BATCH = 25;
/** Steps of one trigger, and of all, in one call. */
const [PER_TRIGGER_MAX, STEPS_MAX] = [100, 1000];
/** Triggers one after the other that may lead to a run. */
const LINEAGE_MAX = 8;

/** A trigger, and the event that a run is started by. */
interface Held {
  trigger: BehindRow;
  event: EventDto;
}

interface Step {
  id: string;
  fired: number;
  share: number;
}

/**
 * Starts runs by events. Each event has a transaction of its own, which holds the trigger, creates the run, and moves the trigger past
 * the event: all of it or nothing. The external id of the run's root says the same to the database.
 *
 * What would start itself for ever does not: a run remembers the triggers that led to it, and an event about it, or about one of its
 * tasks, starts none of those again. What comes about in other ways (an agent's message about the run) is bounded by `maxPerMinute`.
 */
@Injectable()
export class EventFiringService {
  private readonly log = new Logger('EventTriggers');
  constructor(
    private readonly em: EntityManager,
    private readonly events: EventsService,
    private readonly runs: ProcessRunsService,
    private readonly wakeups: WakeupsService,
  ) {}

  /** Fires for what is new in the running tenant's feed, who is the furthest behind first; returns how many runs were started. Safe to run twice. */
  async fire(now = new Date()): Promise<number> {
    const head = await this.events.head();
    const shares = new Map<string, number>();
    let fired = 0;
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const served = [...shares].filter(([, share]) => share >= PER_TRIGGER_MAX).map(([id]) => id);
      // A unit of work for each, so that a failed one leaves nothing behind.
      const step = await runAs(this.em, requireContext().principal, () => this.fireNext(head, now, served));
      if (!step) break;
      shares.set(step.id, (shares.get(step.id) ?? 0) + step.share);
      fired += step.fired;
      // Before the commit, claimers would look and find nothing.
      if (step.fired > 0) this.wakeups.notify();
    }
    return fired;
  }

  private async fireNext(head: number, now: Date, served: readonly string[]): Promise<Step | null> {
    const held: { of?: Held } = {};
    try {
      return await transactional(this.em, async (em) => {
        const trigger = await tenantSql(em, (db) => lockBehind(db, head, served));
        if (!trigger) return null;
        if ((await tenantSql(em, (db) => countRecentRuns(db, trigger.id, now))) >= trigger.max_per_minute) return { id: trigger.id, fired: 0, share: PER_TRIGGER_MAX };
        const found = await this.next(em, trigger);
        if (!found.event) {
          await tenantSql(em, (db) => passEvents(db, trigger.id, found.scannedTo));
          return { id: trigger.id, fired: 0, share: 1 };
        }
        const { event, lineage } = found;
        held.of = { trigger, event };
        const parameters = mapped(trigger.parameters, event);
        const cause = { trigger: 'event' as const, scheduleId: null, eventTriggerId: trigger.id, lineage: [...lineage, trigger.id], externalId: `event-trigger:${trigger.id}:${event.sequence}` };
        const run = await this.runs.create(trigger.process_id, { parameters }, cause);
        await tenantSql(em, (db) => moveTrigger(db, { ...move(trigger, event), now }, { action: 'event_trigger.fired', error: null, details: { ...origin(event), processRunId: run.id } }));
        return { id: trigger.id, fired: 1, share: 1 };
      });
    } catch (error) {
      if (!held.of) throw error;
      return this.setAside(held.of, now, error);
    }
  }

  /** The next event that a trigger starts a run by, or up to where there is none. */
  private async next(em: EntityManager, trigger: BehindRow): Promise<{ event: EventDto; lineage: string[] } | { event: null; scannedTo: number }> {
    return tenantSql(em, async (db) => {
      const { rows, scannedTo } = await look(db, Number(trigger.sequence), BATCH, patternsOf(trigger.actions));
      const candidates = rows.filter((candidate) => passes(candidate, trigger.filter));
      const lineages = await selectLineages(db, candidates.map((row) => ({ type: row.subject_type, id: row.subject_id })));
      for (const row of candidates) {
        const lineage = lineages.get(row.subject_id) ?? [];
        if (!lineage.includes(trigger.id) && lineage.length < LINEAGE_MAX) return { event: EventDto.of(row), lineage };
      }
      return { event: null, scannedTo };
    });
  }

  /** An event that could not start its run: what may pass is tried again by the next call, anything else is noted and over. */
  private async setAside({ trigger, event }: Held, now: Date, error: unknown): Promise<Step> {
    const isTriedAgain = isPassing(error);
    this.log.warn(`Event trigger ${trigger.id} did not start its process by event ${event.sequence}${isTriedAgain ? ' and will try again' : ''}: ${String(error)}`);
    if (isTriedAgain) return { id: trigger.id, fired: 0, share: PER_TRIGGER_MAX };
    const reason = tellable(error);
    await tenantSql(this.em, (db) => moveTrigger(db, { ...move(trigger, event), now }, { action: 'event_trigger.failed', error: reason, details: { ...origin(event), error: reason } }));
    return { id: trigger.id, fired: 0, share: 1 };
  }
}

/** What triggers record of themselves would start those that every event starts, for ever. */
const passes = (row: EventRow, { subjectType, subjectId, agentId }: EventFilter): boolean =>
  row.subject_type !== 'event_trigger' &&
  (subjectType === undefined || row.subject_type === subjectType) && (subjectId === undefined || row.subject_id === subjectId) && (agentId === undefined || row.agent_id === agentId);

const move = (trigger: BehindRow, event: EventDto) => ({ id: trigger.id, from: Number(trigger.sequence), to: event.sequence });

const origin = ({ sequence, id, action }: EventDto) => ({ sequence, entryId: id, eventAction: action });
