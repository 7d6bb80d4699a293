import { MigrationStorage, Migrator as PlainMigrator } from '@mikro-orm/migrations';
import type { MikroORM, Transaction } from '@mikro-orm/postgresql';

/** Sends one statement on the transaction of a step. */
export type StepSql = (sql: string, params?: unknown[]) => Promise<Record<string, unknown>[]>;

/** Writes what is known about a step that has just run. */
export type StepRecorder = (execute: StepSql) => Promise<void>;

class RecordingStorage extends MigrationStorage {
  constructor(
    private readonly record: StepRecorder,
    ...args: ConstructorParameters<typeof MigrationStorage>
  ) {
    super(...args);
  }

  override async logMigration(params: { name: string }, tx?: Transaction): Promise<void> {
    await super.logMigration(params, tx);
    await this.#record(tx);
  }

  override async unlogMigration(params: { name: string }, tx?: Transaction): Promise<void> {
    await super.unlogMigration(params, tx);
    await this.#record(tx);
  }

  #record(tx?: Transaction): Promise<void> {
    return this.record((sql, params = []) => this.driver.execute(sql, params, 'all', tx));
  }
}

/** A migrator that records a step where MikroORM notes it as run or undone, in the transaction of the step: all of it is kept, or nothing. */
export function recordingMigrator(record: StepRecorder): typeof PlainMigrator {
  // MikroORM looks for an extension of this name, and registers its own over this one when it finds none.
  return class Migrator extends PlainMigrator {
    static override register(orm: MikroORM): void {
      orm.config.registerExtension('@mikro-orm/migrator', () => new Migrator(orm.em));
    }

    protected override createStorage(): MigrationStorage {
      return new RecordingStorage(record, this.driver, this.options);
    }
  };
}
