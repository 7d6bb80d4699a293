import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { StartRefused } from './failures.js';
import type { Io } from './io.js';

const PORTS_TRIED = 100;

/** Makes an initialised application listen on the configured port, or on the next free one, which is said aloud. Returns the URL. */
export async function listen(app: NestFastifyApplication, { HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>, io: Io): Promise<string> {
  const last = PORT === 0 ? 0 : Math.min(PORT + PORTS_TRIED, 65_535);
  for (let port = PORT; port <= last; port++) {
    try {
      // Nest's own listen() logs every busy port as an error.
      await app.getHttpAdapter().getInstance().listen({ port, host: HOST });
      if (port !== PORT) io.err(`Port ${PORT} is busy: listening on ${port} instead`);
      return urlOf(app, HOST);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') throw refusal(error as NodeJS.ErrnoException, HOST, port);
    }
  }
  throw new StartRefused(`Ports ${PORT} to ${last} are all busy: choose another PORT`);
}

function refusal(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EACCES') return new StartRefused(`Not allowed to listen on port ${port}: choose a PORT of 1024 or more`);
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(error.code ?? '')) return new StartRefused(`HOST=${host} is no address of this machine`);
  return error;
}

function urlOf(app: NestFastifyApplication, host: string): string {
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port');
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${address.port}`;
}
