import type { LoggerService } from '@nestjs/common';
import { currentContext } from '@agent-hive/kernel';
import type { FastifyInstance } from 'fastify';
import pino, { type Logger } from 'pino';
import type { Config } from '../config/config.js';

export type { Logger } from 'pino';

const STDERR = 2;
const FLUSH_MS = 100;

let standardError: ReturnType<typeof pino.destination> | undefined;

/** One for the process, so that lines stay whole; what it still holds is written out when the process ends. */
function toStandardError(): ReturnType<typeof pino.destination> {
  if (standardError) return standardError;
  const destination = pino.destination({ fd: STDERR, sync: false, minLength: 4096, periodicFlush: FLUSH_MS });
  process.once('exit', () => destination.flushSync());
  return (standardError = destination);
}

/** JSON lines on standard error, each with the id of the request that caused it. Nothing secret is handed to it, and what slips in by name is masked. */
export function createLogger(config: Config): Logger {
  return pino(
    {
      level: config.LOG_LEVEL,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['authorization', '*.authorization', 'password', '*.password', 'key', '*.key', 'secret', '*.secret'], censor: '***' },
      mixin: () => {
        const requestId = currentContext()?.requestId;
        return requestId ? { requestId } : {};
      },
    },
    toStandardError(),
  );
}

/** Receives every statement when HIVE_LOG_SQL asks for it, at a level that LOG_LEVEL cannot silence. */
export function sqlLogger(config: Config, log: Logger): ((statement: string, durationMs: number) => void) | undefined {
  if (!config.HIVE_LOG_SQL) return undefined;
  const sql = log.child({ context: 'Sql' }, { level: 'debug' });
  return (statement, durationMs) => sql.debug({ sql: statement, durationMs: Math.round(durationMs * 10) / 10 });
}

/** What the framework says about its own start is of no interest to who operates it. */
const FRAMEWORK = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** Gives the lines of Nest's Logger to pino. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log = (message: unknown, ...rest: unknown[]): void => this.#write(FRAMEWORK.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  error = (message: unknown, ...rest: unknown[]): void => this.#write('error', message, rest);
  warn = (message: unknown, ...rest: unknown[]): void => this.#write('warn', message, rest);
  debug = (message: unknown, ...rest: unknown[]): void => this.#write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]): void => this.#write('trace', message, rest);
  fatal = (message: unknown, ...rest: unknown[]): void => this.#write('fatal', message, rest);

  // Nest appends the context, and before it, for errors, the stack.
  #write(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const stack = rest.length > 1 ? rest[0] : undefined;
    this.pino[level]({ ...(typeof context === 'string' && { context }), ...(typeof stack === 'string' && { stack }) }, String(message));
  }
}

/** One line for every answer: what was asked, what came of it, how long it took. The path without its query, which may hold data. */
export function logRequests(fastify: FastifyInstance, log: Logger): void {
  const http = log.child({ context: 'Http' });
  fastify.addHook('onResponse', (request, reply, done) => {
    http.info({
      requestId: request.id,
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      ...(request.hive && { tenantId: request.hive.principal.tenantId, actor: request.hive.principal.actor.id ?? request.hive.principal.actor.name }),
    });
    done();
  });
}
