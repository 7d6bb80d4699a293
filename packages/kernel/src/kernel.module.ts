import { Global, Module, type DynamicModule } from '@nestjs/common';
import { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { Database } from './engine/database.js';
import { EventStreams } from './http/event-stream.js';
import { Wakeups } from './wakeups.js';

/** Provides the entity manager, the ORM, the database, the streams of events and who waits for news to every domain. */
@Global()
@Module({})
export class KernelModule {
  static forRoot(database: Database, orm: MikroORM): DynamicModule {
    return {
      module: KernelModule,
      providers: [
        { provide: Database, useValue: database },
        { provide: MikroORM, useValue: orm },
        { provide: EntityManager, useValue: orm.em },
        EventStreams,
        Wakeups,
      ],
      exports: [Database, MikroORM, EntityManager, EventStreams, Wakeups],
    };
  }
}
