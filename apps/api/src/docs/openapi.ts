import type { RouteAccess } from '@agent-hive/kernel/http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject, type OperationObject, type ParameterObject, type ResponseObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { PROBLEMS, problemComponents, type ProblemStatus } from './problems.js';
import { toJsonSchema } from './schema.js';
import { TAGS } from './tags.js';

/** What each route's Access says, by `GET /v1/things/{id}`: collected while routes are registered. */
export type Routes = ReadonlyMap<string, RouteAccess>;

const DESCRIPTION = `The system of record for fleets of AI agents.

Send a key as \`Authorization: Bearer hive_...\`. JSON is camelCase, moments are ISO-8601 in UTC, ids are UUIDs. Lists take
\`limit\` and \`cursor\`. A resource with an \`ETag\` wants it back as \`If-Match\` when it is changed. A POST with an
\`Idempotency-Key\` is done once, however often it is sent within a day. Failures are problems (RFC 9457) with a stable \`code\`.`;

/** Collects the access of every route; to be called before the application is initialised. */
export function collectRoutes(fastify: FastifyInstance): Routes {
  const routes = new Map<string, RouteAccess>();
  fastify.addHook('onRoute', ({ method, url, config }) => {
    if (!config?.access) return;
    for (const verb of [method].flat()) routes.set(routeName(verb, url), config.access);
  });
  return routes;
}

const routeName = (method: string, url: string): string => `${method.toUpperCase()} ${url.replace(/:(\w+)/g, '{$1}')}`;

/** The OpenAPI 3.1 document of the application: what the controllers and DTOs say, and what holds for every operation alike. */
export function openApiDocument(app: NestFastifyApplication, routes: Routes, version: string): OpenAPIObject {
  const base = new DocumentBuilder().setTitle('Agent Hive').setDescription(DESCRIPTION).setVersion(version).setOpenAPIVersion('3.1.0');
  base.addServer('/', 'This server').addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, `hive_<environment>_...`, or a token of an issuer that the hive trusts' }, 'key');
  for (const [name, description] of Object.entries(TAGS)) base.addTag(name, description);
  const written = SwaggerModule.createDocument(app, base.build(), { operationIdFactory: (controller, method) => `${nounOf(controller)}_${method}` });
  const document = toJsonSchema(written) as OpenAPIObject;
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations as Record<string, OperationObject>)) {
      complete(operation, method, routes.get(routeName(method, path)));
    }
  }
  const { schemas, responses } = problemComponents;
  document.components = {
    ...document.components,
    schemas: sorted({ ...document.components?.schemas, ...(schemas as object) }),
    responses: { ...document.components?.responses, ...(responses as Record<string, ResponseObject>) },
  };
  document.paths = sorted(document.paths);
  return document;
}

/** AgentsController -> agents, ApiKeysController -> apiKeys. */
const nounOf = (controller: string): string => controller.charAt(0).toLowerCase() + controller.slice(1).replace(/Controller$/, '');

function complete(operation: OperationObject, method: string, access: RouteAccess | undefined): void {
  const parameters = (operation.parameters ??= []) as ParameterObject[];
  for (const parameter of parameters) describeId(parameter);
  // An upsert answers 201 or 200 with the same body; a controller states one of them.
  if (method === 'put' && operation.responses['201']) operation.responses['200'] ??= { ...operation.responses['201'] };
  const success = Object.entries(operation.responses).filter(([status]) => status.startsWith('2')) as [string, ResponseObject][];
  for (const [status, response] of success) response.description ||= status === '204' ? 'Done' : 'The answer';
  if (!access || access.scope === null) return;
  if (method === 'post') parameters.push(idempotencyKey);
  if (mayMatch(access, method)) parameters.push(ifMatch);
  for (const [status, response] of success) response.headers = { ...headersOf(access, method, status), ...response.headers };
  if (access.etag && method === 'get') operation.responses['304'] = { description: 'The copy named by If-None-Match is current' };
  for (const status of problemsOf(operation, method, access)) {
    operation.responses[status] ??= { $ref: `#/components/responses/${PROBLEMS[status].name}` };
  }
}

function problemsOf(operation: OperationObject, method: string, access: RouteAccess): ProblemStatus[] {
  const parameters = operation.parameters as ParameterObject[];
  const writes = method !== 'get';
  const statuses: ProblemStatus[] = [401, 403, 429, 503];
  if (operation.requestBody) statuses.push(400, 413);
  if (operation.requestBody || parameters.length > 0) statuses.push(422);
  if (parameters.some((p) => p.in === 'path') || operation.requestBody) statuses.push(404);
  if (writes) statuses.push(409);
  if (access.ifMatch) statuses.push(412, 428);
  else if (mayMatch(access, method)) statuses.push(412);
  return statuses;
}

function headersOf(access: RouteAccess, method: string, status: string): ResponseObject['headers'] {
  return {
    'X-Request-Id': { description: 'Id of the request, the caller\'s own when it sent one', schema: { type: 'string' } },
    ...(access.etag && { ETag: { description: 'Version of the resource, to send as If-Match', schema: { type: 'string', example: '"1"' } } }),
    ...(access.location && status === '201' && { Location: { description: 'Where the new resource is', schema: { type: 'string', format: 'uri-reference' } } }),
    ...(method === 'post' && { 'Idempotent-Replayed': { description: '`true` when this is the stored answer of an earlier request with the same key', schema: { type: 'string', enum: ['true'] } } }),
  };
}

const idempotencyKey: ParameterObject = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Names this request, so that repeating it within 24 hours gives the same answer and does nothing twice',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

/** Whether a write to a versioned resource may say which version it builds on, without having to. */
const mayMatch = (access: RouteAccess, method: string): boolean => access.etag === true && !access.ifMatch && method === 'put';

const ifMatch: ParameterObject = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'ETag of the copy that this change builds on; without it, it builds on whatever is there',
  schema: { type: 'string', example: '"1"' },
};

/** Ids in paths are UUIDs, but for those that callers bring along. */
function describeId(parameter: ParameterObject): void {
  if (parameter.in !== 'path' || !/^id$|Id$/.test(parameter.name) || parameter.name === 'externalId') return;
  parameter.schema = { type: 'string', format: 'uuid', ...parameter.schema };
}

const sorted = <T>(record: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
