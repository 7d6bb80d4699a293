import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { OptimisticLockError } from '@mikro-orm/postgresql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { constraintName, isConnectionLoss, isDeadlock, isLockTimeout, isPoolExhausted, isRefusedValue, isUniqueViolation, sqlState } from '../database-error.js';
import { HiveError, Invalid, SHOWN_ERRORS_MAX, Unavailable, type FieldError } from '../errors.js';
import { InFlight } from '../idempotency.js';

/** An RFC 9457 problem, the body of every answer that is not a success. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: readonly FieldError[];
  /** How many broken fields there are beside those in `errors`. */
  moreErrors?: number;
  [fact: string]: unknown;
}

const STATUS: Record<HiveError['kind'], readonly [number, string]> = {
  unauthenticated: [401, 'Authentication needed'],
  forbidden: [403, 'Not allowed'],
  'not-found': [404, 'Not found'],
  refused: [409, 'Refused in the present state'],
  stale: [412, 'Changed since it was read'],
  'precondition-required': [428, 'If-Match needed'],
  invalid: [422, 'Not valid'],
  unavailable: [503, 'Not available now'],
};

/** Codes of failures that are the transport's and not a domain's. */
const TRANSPORT: Record<number, readonly [string, string]> = {
  400: ['malformed', 'Malformed request'],
  404: ['no-such-route', 'No such route'],
  405: ['method-not-allowed', 'Method not allowed'],
  408: ['request-timeout', 'The request came too slowly'],
  413: ['body-too-large', 'Body too large'],
  414: ['path-too-long', 'Part of the path too long'],
  415: ['unsupported-media-type', 'Only application/json is accepted'],
  429: ['rate-limited', 'Too many requests'],
  431: ['headers-too-large', 'Headers too large'],
};

const FIELD_MAX = 300;
const DETAIL_MAX = 2_000;

/** The only place that knows status codes: every failure becomes a problem, and what nobody foresaw is logged and told apart by its request id. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

const log = new Logger('Problem');

/** Answers a failure that came to Fastify or to Nest. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request.id);
  if (problem.status === 413) tellLimit(problem, request);
  // What the database refused, a validator should have: the caller is told, and so are we.
  if (problem.status >= 500 || isRefusedValue(error)) log.error(`${request.method} ${request.url} failed (request ${request.id})`, error instanceof Error ? error.stack : String(error));
  if (error instanceof Unavailable || error instanceof InFlight) void reply.header('retry-after', String(error.retryAfterSeconds));
  else if (problem.status === 503) void reply.header('retry-after', '1');
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** Whoever sent too much is told how much would have been taken. */
function tellLimit(problem: Problem, { routeOptions: { bodyLimit } }: FastifyRequest): void {
  problem.detail = `The body is larger than the ${bodyLimit} bytes that this operation takes`;
  problem.limitBytes = bodyLimit;
}

/** Media type of every problem. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The problem that a failure is answered with. */
export function toProblem(error: unknown, requestId: string): Problem {
  if (error instanceof HiveError) {
    const [status, title] = STATUS[error.kind];
    const own = problem(status, error.code, title, error.message, requestId);
    // Named twice: its own members come first, and no fact of the same name takes their place.
    return { ...own, ...error.facts, ...own, ...(error instanceof Invalid && shown(error)) };
  }
  if (error instanceof OptimisticLockError) return problem(412, 'stale', 'Changed since it was read', 'This was changed while you wrote: read it again and repeat with its new ETag', requestId);
  if (isUniqueViolation(error)) return problem(409, 'conflict', 'Refused in the present state', `Another one with the same ${constraintName(error) ?? 'key'} exists`, requestId);
  if (isLockTimeout(error) || isDeadlock(error)) return problem(503, 'busy', 'Not available now', 'Another request holds what this one needs: repeat it', requestId);
  if (isRefusedValue(error)) return problem(422, 'invalid', 'Not valid', `A value is outside of what can be kept (${constraintName(error) ?? sqlState(error)}); the failure is logged under request ${requestId}`, requestId);
  if (isPoolExhausted(error)) return problem(503, 'busy', 'Not available now', 'All connections to the database are in use: repeat the request', requestId);
  if (isConnectionLoss(error)) return problem(503, 'database-unavailable', 'Not available now', 'The database cannot be reached', requestId);
  const status = statusOf(error);
  if (status !== undefined && status < 500) {
    return transportProblem(status, (error as Error).message, requestId);
  }
  return problem(500, 'internal', 'Something failed that should not', `The failure is logged under request ${requestId}`, requestId);
}

/** The problem of a request that did not get as far as a route. */
export function transportProblem(status: number, detail: string, requestId: string): Problem {
  const [code, title] = TRANSPORT[status] ?? ['bad-request', 'Bad request'];
  return problem(status, code, title, detail, requestId);
}

/** The first of the errors, and how many there are beside them: an answer must not grow with what was sent. */
function shown({ errors, more }: Invalid): Pick<Problem, 'errors' | 'moreErrors'> {
  const first = errors.slice(0, SHOWN_ERRORS_MAX).map((error) => ({ ...error, pointer: cut(error.pointer, FIELD_MAX), message: cut(error.message, FIELD_MAX) }));
  const moreErrors = more + errors.length - first.length;
  return { errors: first, ...(moreErrors > 0 && { moreErrors }) };
}

const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1).toWellFormed()}…` : text);

/** Status of an error that Nest or Fastify made. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

const problem = (status: number, code: string, title: string, detail: string, requestId: string): Problem => ({
  type: `urn:agent-hive:problem:${code}`,
  title,
  status,
  detail: cut(detail, DETAIL_MAX),
  code,
  requestId,
});
