import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Type, DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { installAnswerHeaders } from './answer.js';
import { Authenticator, installGuard } from './guard.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { answerProblem, PROBLEM_TYPE, ProblemFilter, transportProblem } from './problem.filter.js';
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
    frameworkErrors: answerRouterError,
    clientErrorHandler: answerClientError,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: options.logger ?? false, abortOnError: false, bodyParser: false });
  installBodyParser(adapter.getInstance());
  installHttp(app, options);
  return app;
}

/** Fastify's own JSON parser, behind a look at the bytes: decoding would replace what is no UTF-8, and the hive keep something that nobody sent. */
function installBodyParser(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  // A form or a text would reach a handler as something that no DTO describes.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer, done) => {
    if (isUtf8(body)) void parse(request, body.toString('utf8'), done);
    else done(Object.assign(new Error('The body is not valid UTF-8'), { statusCode: 400 }), undefined);
  });
}

/** Answers what the router refused before any hook could run. */
const answerRouterError = (error: Error, request: FastifyRequest, reply: FastifyReply): void => answerProblem(error, request, reply.header('x-request-id', request.id));

const CLIENT_ERRORS: Record<string, readonly [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not complete in time'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than this server takes'],
};

/** Answers what Node could not read as a request; the connection is of no use after. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const [status, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [400, `This is no HTTP request: ${error.message}`];
    const body = JSON.stringify(transportProblem(status, detail, randomUUID()));
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
  socket.destroy(error);
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
