import { randomBytes } from 'node:crypto';
import { TenantsService } from '@agent-hive/identity';
import { createHttpApp } from '@agent-hive/kernel/http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type AppParts } from '../app.module.js';
import type { Config } from '../config/config.js';
import { collectRoutes, openApiDocument } from '../docs/openapi.js';
import { serveDocs } from '../docs/pages.js';
import { Metrics } from '../health/metrics.js';
import { VERSION } from '../version.js';
import { openDatabase, type OpenDatabase } from './database.js';
import { Drain } from './drain.js';
import type { Io } from './io.js';
import { logRequests, NestLog, sqlLogger, type Logger } from './logger.js';
import { signerSource } from './signing-key.js';
import { limitRate } from './rate-limit.js';

/** A hive that is open but does not listen: commands call it in process. */
export interface Hive extends OpenDatabase {
  config: Config;
  app: NestFastifyApplication;
  /** Administers the tenant `default`: HIVE_ADMIN_KEY, or one that lives as long as this process. */
  adminKey: string;
  /** The first key of the tenant `default`, when it was created just now; it is stored nowhere. */
  firstKey: string | null;
  close(): Promise<void>;
}

const KEY_BYTES = 32;

/** Opens the database, brings it up to date, and builds the application over it. */
export async function openHive(config: Config, io: Io, log: Logger): Promise<Hive> {
  const open = await openDatabase(config, io, sqlLogger(config, log));
  try {
    const adminKey = config.HIVE_ADMIN_KEY ?? randomBytes(KEY_BYTES).toString('base64url');
    const app = await createApp({ ...open, config, adminKey, signer: signerSource(config) }, log);
    await app.init();
    const { adminKey: first } = await app.get(TenantsService).ensureDefault();
    const close = async () => {
      await app.close();
      await open.database.close();
    };
    return { ...open, config, app, adminKey, firstKey: first?.key ?? null, close };
  } catch (error) {
    await open.database.close();
    throw error;
  }
}

/** The application with everything that is HTTP-wide, not yet initialised. */
export async function createApp(parts: AppParts, log: Logger): Promise<NestFastifyApplication> {
  const { config, orm } = parts;
  const app = await createHttpApp(AppModule.of(parts), {
    em: orm.em,
    bodyLimitBytes: config.HIVE_BODY_LIMIT_BYTES,
    ...(config.HIVE_TRUST_PROXY && { trustProxy: config.HIVE_TRUST_PROXY }),
    logger: new NestLog(log),
  });
  const fastify = app.getHttpAdapter().getInstance();
  app.get(Drain).install(fastify);
  limitRate(fastify, config.HIVE_RATE_LIMIT_PER_SECOND);
  app.get(Metrics).install(fastify);
  logRequests(fastify, log);
  const routes = collectRoutes(fastify);
  await serveDocs(fastify, () => openApiDocument(app, routes, VERSION));
  return app;
}
