import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Inject, Injectable } from '@nestjs/common';
import { Destinations, NotAllowed, type Destination } from './destination.provider.js';
import { signatureOf } from './secret.js';
import type { LoggedAttempt } from './webhook-delivery.entity.js';
import { WebhookSecretsService, type StoredSecrets } from './webhook-secrets.service.js';
import { WEBHOOK_OPTIONS, type WebhookOptions } from './webhook-options.js';

const TIMEOUT_MS = 10_000;

/** Bytes of an answer that are read, and characters of it that are kept. */
const ANSWER_MAX = 1_000;

/** What is sent, and how it is signed. */
export interface Letter {
  /** The same in every attempt, so that a receiver knows what it has. */
  id: string;
  url: string;
  /** What signs it. */
  secrets: StoredSecrets;
  /** Action of the event. */
  type: string;
  /** When it happened. */
  timestamp: string;
  data: object;
}

/** Makes attempts: one POST each, signed for it alone (Standard Webhooks). */
@Injectable()
export class SenderService {
  /** For how long one attempt may take, in milliseconds. */
  readonly timeoutMs: number;

  constructor(
    private readonly destinations: Destinations,
    private readonly secrets: WebhookSecretsService,
    @Inject(WEBHOOK_OPTIONS) { timeoutMs = TIMEOUT_MS }: WebhookOptions,
  ) {
    this.timeoutMs = timeoutMs;
  }

  /** One attempt. A status of 200 to 299 is a success; whatever else happens is in the log that it returns. Throws only when the signal aborts. */
  async send(letter: Letter, signal: AbortSignal): Promise<LoggedAttempt> {
    const [started, at] = [performance.now(), new Date()];
    const logged = (answer: Pick<LoggedAttempt, 'statusCode' | 'error' | 'response'>): LoggedAttempt => ({ at: at.toISOString(), durationMs: Math.round(performance.now() - started), ...answer });
    try {
      const secrets = await this.secrets.signing(letter.secrets, at);
      const destination = await this.destinations.of(letter.url);
      const limit = AbortSignal.timeout(Math.max(1, this.timeoutMs - Math.round(performance.now() - started)));
      const { status, text } = await post(destination, headersAndBody(letter, secrets, at), AbortSignal.any([signal, limit]));
      return logged({ statusCode: status, error: status >= 200 && status < 300 ? null : refusal(status), response: text });
    } catch (error) {
      if (signal.aborted) throw error;
      return logged({ statusCode: null, error: reasonOf(error, this.timeoutMs), response: null });
    }
  }
}

const refusal = (status: number): string => (status >= 300 && status < 400 ? `the receiver answered ${status}: redirects are not followed` : `the receiver answered ${status}`);

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof NotAllowed) return `the URL ${error.message}`.slice(0, ANSWER_MAX);
  const { name, code, message } = error as { name: string; code?: unknown; message: string };
  if (name === 'TimeoutError' || name === 'AbortError') return `no answer within ${timeoutMs} ms`;
  return `${typeof code === 'string' ? code : name}: ${message}`.slice(0, ANSWER_MAX);
}

function headersAndBody({ id, type, timestamp, data }: Letter, secrets: readonly string[], at: Date): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ type, timestamp, data });
  const seconds = Math.floor(at.getTime() / 1000);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'agent-hive',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf({ id, timestamp: seconds, body }, secrets),
    },
  };
}

/** A POST to the address that was looked at, whatever the name means by now, over a connection of its own. Redirects are answers like others. */
function post({ url, address, family }: Destination, { headers, body }: { headers: Record<string, string>; body: string }, signal: AbortSignal): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers,
      agent: false,
      signal,
      lookup: (_host, options, found) => (options.all ? found(null, [{ address, family }]) : found(null, address, family)),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      request.off('error', reject).on('error', () => undefined); // from here on it is the answer that breaks off, and its status is known
      void beginningOf(response).then((text) => {
        request.destroy();
        resolve({ status: response.statusCode!, text });
      });
    });
    request.end(body);
  });
}

/** The beginning of an answer: as much as came before it was enough, the end, a failure, or the time was over. The status says the rest. */
function beginningOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = () => resolve(Buffer.concat(chunks).subarray(0, ANSWER_MAX).toString('utf8').replaceAll('\0', '').toWellFormed());
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= ANSWER_MAX) done();
    });
    response.once('end', done);
    response.once('close', done);
    response.on('error', done);
  });
}
