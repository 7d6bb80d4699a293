import { setTimeout as pause } from 'node:timers/promises';
import { AnswerTooLarge, readCapped } from '@agent-hive/agents';
import { EmbeddingFailed, type Embedder, type EmbeddingRequest } from './embedder.js';
import { NoVector, unitVector } from './vector.js';

/** Where and how to ask for embeddings. */
export interface EmbeddingServiceSettings {
  /** Base of an OpenAI-compatible API, such as https://llm.example/v1. */
  url: string;
  /** Model that a tenant has by default. */
  model: string;
  dimensions: number;
  key?: string;
  /** How long one answer may take. */
  timeoutMs: number;
}

const BATCH_MAX_TEXTS = 64;
const BATCH_MAX_CHARS = 200_000;
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

/** How often a batch is asked for when the service is away or busy, and how long it waits before the second time. */
const ATTEMPTS = 3;
const RETRY_MS = 200;
const RETRY_MAX_MS = 5_000;

const TRANSIENT = [408, 409, 425, 429, 500, 502, 503, 504];

/** Asks an OpenAI-compatible service, in batches. What it answers is checked: as many vectors as texts, each of the model's dimensions. */
export class HttpEmbedder implements Embedder {
  constructor(private readonly settings: EmbeddingServiceSettings) {}

  async embed(texts: readonly string[], request: EmbeddingRequest): Promise<number[][]> {
    const vectors: number[][] = [];
    for (const batch of batchesOf(texts)) vectors.push(...(await this.patiently(batch, request)));
    return vectors;
  }

  private async patiently(batch: readonly string[], request: EmbeddingRequest): Promise<number[][]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(batch, request);
      } catch (error) {
        const failed = asFailure(error);
        if (!failed.isTransient || request.isQuery || attempt === ATTEMPTS || request.signal?.aborted) throw failed;
        await pause(Math.min(RETRY_MS * 4 ** (attempt - 1), RETRY_MAX_MS));
      }
    }
  }

  private async ask(batch: readonly string[], { model, dimensions, signal }: EmbeddingRequest): Promise<number[][]> {
    const { url, key, timeoutMs } = this.settings;
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${url.replace(/\/$/, '')}/embeddings`, {
      method: 'POST',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model, input: batch, encoding_format: 'float' }),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new EmbeddingFailed(`the service answered ${response.status}`, TRANSIENT.includes(response.status));
    }
    return vectorsOf(await readCapped(response, ANSWER_MAX_BYTES), batch.length, dimensions);
  }
}

function* batchesOf(texts: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let chars = 0;
  for (const text of texts) {
    if (batch.length === BATCH_MAX_TEXTS || (batch.length > 0 && chars + text.length > BATCH_MAX_CHARS)) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(text);
    chars += text.length;
  }
  if (batch.length > 0) yield batch;
}

/** The vectors of an answer in the order of the texts, whatever order it has. */
function vectorsOf(text: string, count: number, dimensions: number): number[][] {
  let data: unknown;
  try {
    data = (JSON.parse(text) as { data?: unknown } | null)?.data;
  } catch (error) {
    throw new EmbeddingFailed('the service answered no JSON', false, { cause: error });
  }
  if (!Array.isArray(data) || data.length !== count) throw new EmbeddingFailed(`the service answered ${Array.isArray(data) ? data.length : 'no'} vectors for ${count} texts`, false);
  const vectors = new Array<number[] | undefined>(count).fill(undefined);
  for (const [i, item] of (data as ({ index?: unknown; embedding?: unknown } | null)[]).entries()) {
    const index = item?.index ?? i;
    if (typeof index !== 'number' || !(index in vectors) || vectors[index]) throw new EmbeddingFailed('the service numbered its vectors wrongly', false);
    vectors[index] = unitVector(item?.embedding, dimensions);
  }
  return vectors as number[][];
}

/** What fetch throws is about the network, and says in its cause what happened there. */
function asFailure(error: unknown): EmbeddingFailed {
  if (error instanceof EmbeddingFailed) return error;
  if (error instanceof AnswerTooLarge) return new EmbeddingFailed(`the service answered more than ${ANSWER_MAX_BYTES} bytes`, false, { cause: error });
  if (error instanceof NoVector) return new EmbeddingFailed(`a vector of the service ${error.message}`, false, { cause: error });
  const { name, message, cause } = error as Error;
  const reason = name === 'TimeoutError' ? 'it took too long' : cause instanceof Error ? cause.message : message;
  return new EmbeddingFailed(`the service did not answer: ${reason}`, true, { cause: error });
}
