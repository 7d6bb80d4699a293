import type { FastifyInstance, FastifyReply } from 'fastify';

/** Sets ETag and Location of answers from their bodies, as the route's Access states them; a GET with a matching If-None-Match gets 304. */
export function installAnswerHeaders(fastify: FastifyInstance): void {
  fastify.addHook('preSerialization', (request, reply, payload: unknown, done) => {
    const access = request.routeOptions.config.access;
    if (access && payload !== null && typeof payload === 'object' && reply.statusCode < 300) setHeaders(reply, payload, access);
    if (request.method === 'GET' && reply.hasHeader('etag') && request.headers['if-none-match'] === reply.getHeader('etag')) void reply.code(304);
    done(null, payload);
  });
}

/** `revision` is the lock's number where `version` is a name of the domain's own. */
type Body = { id?: unknown; version?: unknown; revision?: unknown };

function setHeaders(reply: FastifyReply, body: Body, access: { etag?: boolean; location?: string }): void {
  const revision = body.revision ?? body.version;
  if (access.etag && typeof revision === 'number') void reply.header('etag', `"${revision}"`);
  if (access.location && reply.statusCode === 201 && typeof body.id === 'string') void reply.header('location', `${access.location}/${body.id}`);
}
