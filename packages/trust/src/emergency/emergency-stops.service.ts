import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { oneTransaction, tenantSql, tenantStatement } from '@agent-hive/kernel';
import { AnswersService } from '../interaction/answers.service.js';
import { requirePeople } from '../measure/people.js';
import { EmergencyStopDto } from './emergency-stop.dto.js';
import { insertStop, liftStop, selectRunningStop, updateCancelled } from './emergency-stop.sql.js';

/**
 * One call that stops a tenant's fleet: from its commit on nothing is claimed, authorized or used, and every agent is at L0. Levels are
 * not touched, so that the call that undoes it gives them back as they were; approvals that it cancelled are asked for anew.
 */
@Injectable()
export class EmergencyStopsService {
  constructor(
    private readonly em: EntityManager,
    private readonly answers: AnswersService,
  ) {}

  /** Whether the fleet is stopped, and why. */
  async get(): Promise<EmergencyStopDto> {
    return EmergencyStopDto.of(await tenantStatement(this.em, selectRunningStop));
  }

  /** Stops the fleet and cancels pending approvals; a second time changes nothing. Throws Forbidden for an agent. */
  async create(reason: string): Promise<EmergencyStopDto> {
    requirePeople('stops the fleet');
    return oneTransaction(this.em, async () => {
      const started = await tenantSql(this.em, (db) => insertStop(db, reason, new Date()));
      if (!started) return this.get();
      const cancelled = await this.answers.cancelApprovals(`emergency stop: ${reason}`.slice(0, 1000));
      await tenantSql(this.em, (db) => updateCancelled(db, started.id, cancelled));
      return EmergencyStopDto.of({ ...started, cancelled_approvals: cancelled });
    });
  }

  /** Lets the fleet go on; a second time changes nothing. Throws Forbidden for an agent. */
  async delete(): Promise<void> {
    requirePeople('lets the fleet go on');
    await tenantStatement(this.em, (db) => liftStop(db, new Date()));
  }
}
