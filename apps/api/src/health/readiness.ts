import { Database, pendingMigrations } from '@agent-hive/kernel';
import { MikroORM } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { domains } from '../domains.js';
import { Drain } from '../server/drain.js';
import type { CheckDto, ReadinessDto } from './health.dto.js';
import { missingMonths } from './months.js';

const DATABASE_TIMEOUT_MS = 2_000;

/** Whether this process should get requests now, and if not, why. */
@Injectable()
export class Readiness {
  constructor(
    private readonly database: Database,
    private readonly orm: MikroORM,
    private readonly drain: Drain,
  ) {}

  /** Every check with its outcome; the ones that need the database are not made without it. */
  async check(): Promise<ReadinessDto> {
    const serving: CheckDto = this.drain.draining ? { ok: false, detail: `shutting down, ${this.drain.inFlight} requests in flight` } : { ok: true, detail: 'serving' };
    const database = await attempt(async () => {
      await this.database.execute(this.orm, 'select 1');
      return { ok: true, detail: 'answers' };
    });
    const unknown: CheckDto = { ok: false, detail: 'not known without the database' };
    const migrations = database.ok ? await attempt(() => this.#migrations()) : unknown;
    const partitions = database.ok ? await attempt(() => this.#partitions()) : unknown;
    const checks = { serving, database, migrations, partitions };
    return { ready: Object.values(checks).every((c) => c.ok), checks };
  }

  async #migrations(): Promise<CheckDto> {
    const pending = await pendingMigrations(this.database, this.orm, domains);
    return pending.length === 0 ? { ok: true, detail: 'none pending' } : { ok: false, detail: `pending: ${pending.join(', ')}` };
  }

  async #partitions(): Promise<CheckDto> {
    const missing = await missingMonths(this.database, this.orm, 1);
    return missing.length === 0 ? { ok: true, detail: 'a month ahead' } : { ok: false, detail: `missing: ${missing.join(', ')}` };
  }
}

/** The outcome of a check; a failure or a database that does not answer in time is one too. */
async function attempt(check: () => Promise<CheckDto>): Promise<CheckDto> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckDto>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer within ${DATABASE_TIMEOUT_MS} ms` }), DATABASE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
