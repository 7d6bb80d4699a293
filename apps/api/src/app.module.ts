import type { SignerSource } from '@agent-hive/audit';
import { KernelModule, type Database } from '@agent-hive/kernel';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Module, type DynamicModule } from '@nestjs/common';
import type { Config } from './config/config.js';
import { modules } from './domains.js';
import { HealthController } from './health/health.controller.js';
import { Metrics } from './health/metrics.js';
import { Readiness } from './health/readiness.js';
import { Drain } from './server/drain.js';

/** What the application is made of. */
export interface AppParts {
  config: Config;
  database: Database;
  orm: MikroORM;
  /** HIVE_ADMIN_KEY, or the one that this process made for its own commands. */
  adminKey: string;
  /** Where the key is that signs the record. */
  signer?: SignerSource;
}

/** The domains over one database, with health beside them. */
@Module({})
export class AppModule {
  static of({ config, database, orm, adminKey, signer }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [KernelModule.forRoot(database, orm), ...modules(config, adminKey, signer)],
      controllers: [HealthController],
      providers: [Drain, Readiness, Metrics],
    };
  }
}
