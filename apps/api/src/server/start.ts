import { SigningKeysService } from '@agent-hive/audit';
import { Wakeups } from '@agent-hive/kernel';
import { EventStreams } from '@agent-hive/kernel/http';
import { readConfig, type Environment } from '../config/config.js';
import { describeDatabase } from '../config/database-settings.js';
import { jobs } from '../jobs/registry.js';
import { Scheduler } from '../jobs/jobs.js';
import { VERSION } from '../version.js';
import { Drain } from './drain.js';
import { openHive, type Hive } from './hive.js';
import type { Io } from './io.js';
import { listen } from './listen.js';
import { createLogger, type Logger } from './logger.js';
import { announce } from './running.js';

/** A hive that serves. */
export interface RunningHive {
  url: string;
  /** Drains, then closes everything. Resolves within HIVE_SHUTDOWN_SECONDS. */
  stop(): Promise<void>;
}

/** How a start speaks. */
export interface StartOptions {
  /** Each event as a line of JSON, for programs, in place of the banner. */
  json?: boolean;
}

/** Starts a hive from its environment; says on `io` where it listens and, the first time, its key. Throws what `explain` puts in words. */
export async function startHive(env: Environment, io: Io, { json }: StartOptions = {}): Promise<RunningHive> {
  const started = performance.now();
  const { config, warnings } = readConfig(env);
  for (const warning of warnings) io.err(`Warning: ${warning}`);
  const log = createLogger(config);
  const hive = await openHive(config, io, log);
  try {
    await hive.app.get(SigningKeysService, { strict: false }).register();
    const url = await listen(hive.app, config, io);
    const scheduler = new Scheduler({ database: hive.database, orm: hive.orm, get: (service) => hive.app.get(service, { strict: false }) }, log);
    scheduler.start(jobs(config));
    const withdraw = announceHere(hive, url);
    const tookMs = performance.now() - started;
    for (const line of json ? [readyLine(hive, url, tookMs)] : banner(hive, url, tookMs)) io.out(line);
    log.info({ url, engine: hive.database.engine, version: VERSION }, 'ready');
    return { url, stop: once(() => stop(hive, scheduler, withdraw, log)) };
  } catch (error) {
    await hive.close();
    throw error;
  }
}

/** Room for what follows the drain: jobs, listener, database. */
const CLOSING_MS = 1_000;

async function stop(hive: Hive, scheduler: Scheduler, withdraw: () => void, log: Logger): Promise<void> {
  const limitMs = hive.config.HIVE_SHUTDOWN_SECONDS * 1000;
  const drain = hive.app.get(Drain);
  drain.begin();
  // Whoever waits for work, for mail or for an answer, or reads a stream, is told now, and asks another process.
  hive.app.get(Wakeups, { strict: false }).close();
  hive.app.get(EventStreams, { strict: false }).beforeApplicationShutdown();
  log.info({ inFlight: drain.inFlight }, 'shutting down');
  const left = await drain.settled(Math.max(limitMs - CLOSING_MS, limitMs / 2));
  if (left > 0) {
    log.warn({ requests: left }, 'requests cut off: their time was up');
    hive.app.getHttpServer().closeAllConnections();
  }
  await Promise.race([closeAll(), new Promise<void>((resolve) => setTimeout(resolve, CLOSING_MS / 2 + limitMs / 10).unref())]);
  log.info('stopped');

  async function closeAll(): Promise<void> {
    await scheduler.stop();
    await hive.close();
    withdraw();
  }
}

/** Commands find the server by its data directory; one in memory, or on a server of PostgreSQL, needs no finding. */
function announceHere({ database, config, adminKey }: Hive, url: string): () => void {
  const directory = database.embedded?.directory;
  if (!directory) return () => undefined;
  return announce(directory, { pid: process.pid, url, key: config.HIVE_ADMIN_KEY ? null : adminKey });
}

/** The banner for programs. `key` is there on the first start alone. */
const readyLine = ({ database, firstKey }: Hive, url: string, tookMs: number): string =>
  JSON.stringify({
    event: 'ready',
    version: VERSION,
    pid: process.pid,
    url,
    docs: `${url}/docs`,
    engine: database.engine,
    database: describeDatabase(database.settings),
    tookMs: Math.round(tookMs),
    ...(firstKey && { key: firstKey }),
  });

function banner(hive: Hive, url: string, tookMs: number): string[] {
  const { firstKey, config } = hive;
  const key = firstKey
    ? `${firstKey}\n           It administers the tenant "default" and is shown only this once.`
    : `${config.HIVE_ADMIN_KEY ? 'HIVE_ADMIN_KEY, or the one' : 'the one'} shown at the first start. Another: pnpm hive keys create NAME`;
  return [
    '',
    `Agent Hive ${VERSION} is ready (${(tookMs / 1000).toFixed(1)} s)`,
    '',
    `  API      ${url}`,
    `  Docs     ${url}/docs`,
    `  Data     ${describeDatabase(hive.database.settings)}`,
    `  Key      ${key}`,
    '',
  ];
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
