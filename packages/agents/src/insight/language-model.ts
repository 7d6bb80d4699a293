/** Where and how to ask a language model. */
export interface LanguageModelSettings {
  /** Base of an OpenAI-compatible API, such as https://llm.example/v1. */
  url: string;
  model: string;
  key?: string;
  timeoutMs: number;
}

/** A question about recorded data: what is asked, what it is asked of, and what that is called in a failure, such as `agent`. */
export interface Question {
  instruction: string;
  data: unknown;
  noun: string;
}

const ANSWER_MAX_BYTES = 256 * 1024;
const REQUEST_MAX_BYTES = 64 * 1024;

/**
 * Asks an OpenAI-compatible chat endpoint for one JSON object. Sends at most 64 KiB of data, reads at most 256 KiB and waits
 * at most `timeoutMs`. Throws on all else: data too large, time over, another status than 2xx, no message, no JSON object.
 */
export async function askLanguageModel({ url, model, key, timeoutMs }: LanguageModelSettings, { instruction, data, noun }: Question): Promise<Record<string, unknown>> {
  const content = JSON.stringify(data);
  if (Buffer.byteLength(content) > REQUEST_MAX_BYTES) throw new Error(`the ${noun}'s data exceed ${REQUEST_MAX_BYTES} bytes`);
  const response = await fetch(`${url.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({
      model,
      temperature: 0,
      response_format: { type: 'json_object' },
      messages: [
        { role: 'system', content: instruction },
        { role: 'user', content },
      ],
    }),
  });
  const text = await readCapped(response, ANSWER_MAX_BYTES);
  if (!response.ok) throw new Error(`the provider answered ${response.status}`);
  const answer = JSON.parse(text) as { choices?: { message?: { content?: unknown } }[] };
  const message = answer.choices?.[0]?.message?.content;
  if (typeof message !== 'string') throw new Error('the provider answered without a message');
  const said: unknown = JSON.parse(message);
  if (!isObject(said)) throw new Error('the provider answered no JSON object');
  return said;
}

/** A service answered more than was to be read. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
  constructor(maxBytes: number) {
    super(`the provider answered more than ${maxBytes} bytes`);
  }
}

/** Whether a parsed JSON value is an object. */
export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Refuses an answer that says itself that it failed, in whatever form. */
export function requireSuccess({ error }: Record<string, unknown>): void {
  if (error != null) throw new Error(`the provider answered an error: ${typeof error === 'string' ? error : JSON.stringify(error)}`);
}

const MESSAGE_MAX = 1000;

/** A text of at most 1,000 characters that the database takes: messages quote what the provider sent, NULs and halves of characters too. */
export const storableText = (text: string): string => text.replaceAll('\0', '').slice(0, MESSAGE_MAX).toWellFormed();

/** The text of an answer. Throws once it has more bytes than `maxBytes`, of which no more are read. */
export async function readCapped(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > maxBytes) throw new AnswerTooLarge(maxBytes);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}
