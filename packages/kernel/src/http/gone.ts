import type { FastifyReply } from 'fastify';

/** Aborts when the client hangs up before it is answered; after the answer it means nothing any more. */
export function gone({ raw }: FastifyReply): AbortSignal {
  const abort = new AbortController();
  raw.once('close', () => abort.abort());
  return abort.signal;
}
