import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Type, DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EntityManager } from '@mikro-orm/postgresql';
import { installAnswerHeaders } from './answer.js';
import { Authenticator, installGuard } from './guard.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { ProblemFilter } from './problem.filter.js';
import { installStorableCheck } from './storable-check.js';
import { validationPipe } from './validation.pipe.js';

export interface HttpOptions {
  em: EntityManager;
  /** Largest body of an operation that states none, in bytes. */
  bodyLimitBytes?: number;
  /** Addresses whose X-Forwarded-For is believed; none by default. */
  trustProxy?: string;
  logger?: LoggerService | false;
  /** Finds the authenticator; by default the one that the modules provide. */
  authenticator?: Authenticator;
}

const BODY_LIMIT_BYTES = 1024 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,100}$/;

/** A Nest application on Fastify with the hive's guard, validation, problems, answer headers and idempotency, not yet listening. */
export async function createHttpApp(module: Type | DynamicModule, options: HttpOptions): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: options.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    ...(options.trustProxy && { trustProxy: options.trustProxy }),
    genReqId: (request: IncomingMessage) => requestId(request.headers['x-request-id']),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: options.logger ?? false, abortOnError: false });
  installHttp(app, options);
  return app;
}

/** Adds the hive's HTTP layer to an application. */
export function installHttp(app: NestFastifyApplication, options: HttpOptions): void {
  const fastify = app.getHttpAdapter().getInstance();
  installGuard(fastify, options.em, options.authenticator ?? app.get(Authenticator, { strict: false }));
  installStorableCheck(fastify);
  installAnswerHeaders(fastify);
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalInterceptors(new IdempotencyInterceptor(options.em));
}

/** The caller's own request id when it is a plain token, else a new one: log lines must not carry what a stranger wrote. */
const requestId = (header: string | string[] | undefined): string => (typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID());
