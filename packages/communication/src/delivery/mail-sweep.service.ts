import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { tenantSql, type Sql } from '@agent-hive/kernel';
import { NotificationsService } from '../notification/notifications.service.js';
import { ArrivalsService } from './arrivals.service.js';
import { deadLetterNotices, type Ended } from './dead-letter.js';
import { sweepDue, sweepExpired } from './sweep.sql.js';

/** What a sweep of one tenant wrote: how many deliveries were past their time to live, and how many past a pause or a visibility timeout. */
export interface SweptMail {
  expired: number;
  due: number;
}

/** Writes what time alone does to deliveries, which counts before it is written. Safe to run twice and beside everything else. */
@Injectable()
export class MailSweepService {
  constructor(
    private readonly em: EntityManager,
    private readonly arrivals: ArrivalsService,
    private readonly notifications: NotificationsService,
  ) {}

  /** Ends what has expired or used up its hand-outs, and puts what is due among what waits, in the running tenant. Senders are told of dead letters. */
  async sweep(now = new Date()): Promise<SweptMail> {
    const expired = await this.drain(sweepExpired, now);
    const due = await this.drain(sweepDue, now);
    return { expired, due };
  }

  /** Repeats a step, each time in a transaction of its own, until it finds nothing. */
  private async drain(step: (db: Sql, now: Date) => Promise<Ended[]>, now: Date): Promise<number> {
    for (let total = 0; ; ) {
      const rows = await tenantSql(this.em, async (db) => {
        const swept = await step(db, now);
        await this.notifications.notify(db, deadLetterNotices(swept), now);
        return swept;
      });
      if (rows.length === 0) return total;
      total += rows.length;
      this.arrivals.notify([...new Set(rows.filter((row) => row.state === 'pending').map((row) => row.agent_id))]);
    }
  }
}
