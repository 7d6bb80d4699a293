import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Enough of S3 to keep objects: PUT, GET and DELETE of `/bucket/key`, for requests that are signed. */
export class S3Server {
  readonly objects = new Map<string, Buffer>();
  /** Answers every PUT with this status instead. */
  refuses: number | null = null;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = this.answer(request.method ?? '', new URL(request.url ?? '', 'http://s3').pathname, Buffer.concat(chunks), request.headers);
        response.writeHead(answer.status, { 'content-type': answer.status < 300 ? 'application/octet-stream' : 'application/xml' });
        response.end(answer.body);
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  private answer(method: string, path: string, body: Buffer, headers: Record<string, unknown>): { status: number; body?: Buffer | string } {
    const failed = (status: number, code: string) => ({ status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>` });
    if (!/^AWS4-HMAC-SHA256 Credential=key\//.test(String(headers.authorization))) return failed(403, 'AccessDenied');
    if (method === 'PUT') {
      if (this.refuses) return failed(this.refuses, 'QuotaExceeded');
      this.objects.set(path, unchunked(body, headers));
      return { status: 200 };
    }
    if (method === 'DELETE') return this.objects.delete(path), { status: 204 };
    const found = this.objects.get(path);
    return found ? { status: 200, body: found } : failed(404, 'NoSuchKey');
  }
}

/** The SDK may send a body in chunks with a checksum behind them (`aws-chunked`). */
function unchunked(body: Buffer, headers: Record<string, unknown>): Buffer {
  if (!String(headers['content-encoding']).includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    const length = parseInt(body.subarray(at, end).toString(), 16);
    if (length === 0) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
