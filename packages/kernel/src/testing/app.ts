import { ConsoleLogger, Module, type DynamicModule, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventSubscriber } from '@mikro-orm/postgresql';
import type { Principal } from '../context.js';
import type { Domain } from '../domain.js';
import { Unauthenticated } from '../errors.js';
import { createHttpApp } from '../http/app.js';
import { Authenticator } from '../http/guard.js';
import { KernelModule } from '../kernel.module.js';
import { testDatabase, type TestDatabase } from './database.js';
import { principal } from './world.js';

export interface TestAppOptions {
  domains: readonly Domain[];
  modules: (Type | DynamicModule)[];
  subscribers?: EventSubscriber[];
  /** The modules' own authenticator decides, in place of the one that believes what the test says. */
  realAuthentication?: boolean;
  poolMax?: number;
  connectTimeoutMs?: number;
}

export interface TestRequest {
  /** Who calls; a principal with every scope of the app's first tenant by default. Null sends no Authorization. */
  as?: Principal | string | null;
  /** Sent as JSON, but for texts and bytes: those go as they are. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestAnswer<T = Record<string, unknown>> {
  status: number;
  body: T;
  headers: Headers;
}

/** An application over a database of its own, listening on a port of its own; requests are real ones. */
export interface TestApp extends TestDatabase {
  app: NestFastifyApplication;
  baseUrl: string;
  /** A principal with every scope of a tenant that only this app uses. */
  me: Principal;
  request<T = Record<string, unknown>>(method: string, path: string, request?: TestRequest): Promise<TestAnswer<T>>;
  get<T = Record<string, unknown>>(path: string, request?: TestRequest): Promise<TestAnswer<T>>;
  post<T = Record<string, unknown>>(path: string, body?: unknown, request?: TestRequest): Promise<TestAnswer<T>>;
  put<T = Record<string, unknown>>(path: string, body?: unknown, request?: TestRequest): Promise<TestAnswer<T>>;
  patch<T = Record<string, unknown>>(path: string, body?: unknown, request?: TestRequest): Promise<TestAnswer<T>>;
  delete<T = Record<string, unknown>>(path: string, request?: TestRequest): Promise<TestAnswer<T>>;
}

/** Believes a principal written into the header: the domain under test is behind the guard, not the guard itself. */
export class TestAuthenticator extends Authenticator {
  override async authenticate(authorization: string): Promise<Principal> {
    const match = /^Bearer test:(.+)$/.exec(authorization);
    if (!match) throw new Unauthenticated();
    return JSON.parse(Buffer.from(match[1]!, 'base64url').toString()) as Principal;
  }
}

/** Starts an application of the modules under test. */
export async function testApp(options: TestAppOptions): Promise<TestApp> {
  const db = await testDatabase(options.domains, { subscribers: options.subscribers, poolMax: options.poolMax, connectTimeoutMs: options.connectTimeoutMs });

  @Module({ imports: [KernelModule.forRoot(db.database, db.orm), ...options.modules] })
  class TestModule {}

  const app = await createHttpApp(TestModule, {
    em: db.orm.em,
    logger: process.env.HIVE_TEST_LOG ? new ConsoleLogger() : false,
    ...(!options.realAuthentication && { authenticator: new TestAuthenticator() }),
  });
  // The tests' own client is in this process: were it busy for longer than the time-out, the next request would meet a connection that is about to be closed.
  app.getHttpServer().keepAliveTimeout = 0;
  await app.listen(0, '127.0.0.1');
  const baseUrl = await app.getUrl();
  const me = principal();

  const request = async <T>(method: string, path: string, { as = me, body, headers = {} }: TestRequest = {}): Promise<TestAnswer<T>> => {
    const sent = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const response = await fetch(baseUrl + path, {
      method,
      body: sent,
      headers: {
        ...(as !== null && { authorization: `Bearer ${typeof as === 'string' ? as : `test:${Buffer.from(JSON.stringify(as)).toString('base64url')}`}` }),
        ...(sent !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    const answer = await response.text();
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, body: (isJson && answer !== '' ? JSON.parse(answer) : answer) as T, headers: response.headers };
  };

  return {
    ...db,
    app,
    baseUrl,
    me,
    request,
    get: (path, r) => request('GET', path, r),
    post: (path, body, r) => request('POST', path, { ...r, body: body ?? {} }),
    put: (path, body, r) => request('PUT', path, { ...r, body: body ?? {} }),
    patch: (path, body, r) => request('PATCH', path, { ...r, body: body ?? {} }),
    delete: (path, r) => request('DELETE', path, r),
    close: async () => {
      await app.close();
      await db.close();
    },
  };
}
