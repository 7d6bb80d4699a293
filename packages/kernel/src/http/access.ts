import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBearerAuth, ApiExtension, ApiHeader } from '@nestjs/swagger';

/** What the HTTP layer must know of one route beyond its path. Read from Fastify's route config, so a look-up costs nothing. */
export interface RouteAccess {
  /** Scope the caller needs; null for a route that anyone may call. */
  scope: string | null;
  /** Answers carry an ETag from the body's `version`. */
  etag?: boolean;
  /** The write needs If-Match. */
  ifMatch?: boolean;
  /** Created resources get a Location of this prefix and the body's `id`. */
  location?: string;
  /** Dotted paths of the answer that are shown once and never stored. */
  shownOnce?: readonly string[];
  /** False for work that waits for the outside world: an Idempotency-Key then holds no transaction, and the work may be done twice should the process end in it. */
  transaction?: false;
  /** Largest body in bytes, where it is not the one of every operation. */
  bodyLimitBytes?: number;
}

/** Scope of routes that every authenticated caller may use. */
export const ANYONE_KNOWN = 'anyone';

/** Metadata key under which Nest finds a handler's RouteAccess. */
export const ACCESS = 'hive:access';

/** States the scope a route needs and what its answers carry. Every route has exactly one of Access and Public. */
export const Access = (scope: string, options: Omit<RouteAccess, 'scope'> = {}): MethodDecorator => {
  const access: RouteAccess = { scope, ...options };
  return applyDecorators(
    SetMetadata(ACCESS, access),
    RouteConfig({ access }),
    ApiBearerAuth('key'),
    ApiExtension('x-scope', scope),
    ...(options.ifMatch ? [ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the copy that this change builds on', schema: { type: 'string', example: '"1"' } })] : []),
  );
};

/** A route without authentication: health, documentation. */
export const Public = (): MethodDecorator => applyDecorators(SetMetadata(ACCESS, { scope: null }), RouteConfig({ access: { scope: null } satisfies RouteAccess }));

/** Scopes that reach beyond one tenant: never part of a wildcard, and never given to a tenant's key. */
export const PLATFORM_SCOPES: readonly string[] = ['tenants:write'];

/** Whether the granted scopes cover the needed one: by name, by `noun:*`, or by `*` (every scope of the tenant). The platform's are covered by name only. */
export function covers(granted: readonly string[], needed: string): boolean {
  if (needed === ANYONE_KNOWN || granted.includes(needed)) return true;
  if (PLATFORM_SCOPES.includes(needed)) return false;
  const noun = needed.slice(0, needed.indexOf(':'));
  return granted.includes(`${noun}:*`) || granted.includes('*');
}
