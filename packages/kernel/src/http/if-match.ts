import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Invalid, PreconditionRequired } from '../errors.js';

/** The version in an If-Match header: a number, null for `*` (any version), undefined when there is no header. Throws Invalid on anything else. */
export function parseIfMatch(header: string | undefined): number | null | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return null;
  const match = /^\s*(?:W\/)?"(\d{1,9})"\s*$/.exec(header);
  if (!match) throw new Invalid('If-Match must be the ETag of one version, such as "3", or *', [{ pointer: '/headers/if-match', message: 'must be an ETag of this API' }]);
  return Number(match[1]);
}

/** The version that a write builds on. A route with Access `ifMatch` refuses its absence (428); elsewhere it is undefined. */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext): number | null | undefined => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const version = parseIfMatch(request.headers['if-match']);
  if (version === undefined && request.routeOptions.config.access?.ifMatch) throw new PreconditionRequired();
  return version;
});
