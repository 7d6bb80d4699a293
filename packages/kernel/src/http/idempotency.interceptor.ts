import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { requireContext, type Principal } from '../context.js';
import { idempotently, idempotentlyOutside } from '../idempotency.js';

/** Gives every POST its Idempotency-Key: the handler runs inside the transaction that also stores its answer, unless its Access says otherwise. */
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly em: EntityManager) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined;
    if (key === undefined || !request.hive) return next.handle();
    return from(this.once(request, http.getResponse<FastifyReply>(), String(key), next));
  }

  private async once(request: FastifyRequest, reply: FastifyReply, key: string, next: CallHandler): Promise<unknown> {
    const { principal } = requireContext();
    const route = `${request.method} ${request.url}`;
    const { access } = request.routeOptions.config;
    const once = access?.transaction === false ? idempotentlyOutside : idempotently;
    const answer = await once(
      this.em,
      { principal: principalKey(principal), route, key, body: request.body },
      access?.shownOnce ?? [],
      async () => {
        const handled = next.handle() as Observable<object | null | undefined>;
        const body = (await lastValueFrom(handled, { defaultValue: null })) ?? null;
        return { status: reply.statusCode, body };
      },
    );
    if (answer.replayed) void reply.code(answer.status).header('idempotent-replayed', 'true');
    return answer.body ?? undefined;
  }
}

const principalKey = ({ keyId, actor }: Principal): string => keyId ?? `${actor.type}:${actor.id ?? actor.name}`;
