import type { TestApp, TestRequest } from './app.js';

/** What came on a stream: an event, or a comment that keeps it alive. */
export interface ReadEvent<T> {
  id: string | null;
  data: T | null;
  comment: string | null;
}

/** A reader of a stream of server-sent events. */
export interface EventReader<T> {
  response: Response;
  /** The next so many, events and comments. Throws when the stream ends before, or is cut off. */
  take(count: number): Promise<ReadEvent<T>[]>;
  /** Everything until the stream ends. */
  rest(): Promise<ReadEvent<T>[]>;
  close(): Promise<void>;
}

/** Opens a stream, as of the principal of the request; the answer must be one. */
export async function readEvents<T = Record<string, unknown>>(hive: Pick<TestApp, 'baseUrl' | 'me'>, path: string, { as = hive.me, headers = {} }: TestRequest = {}): Promise<EventReader<T>> {
  const authorization = `Bearer ${typeof as === 'string' ? as : `test:${Buffer.from(JSON.stringify(as)).toString('base64url')}`}`;
  const abort = new AbortController();
  const response = await fetch(hive.baseUrl + path, { headers: { authorization, ...headers }, signal: abort.signal });
  if (response.headers.get('content-type') !== 'text/event-stream') throw new Error(`no stream: ${response.status} ${await response.text()}`);
  const frames = framesOf<T>(response);
  const take = async (count: number): Promise<ReadEvent<T>[]> => {
    const taken: ReadEvent<T>[] = [];
    while (taken.length < count) {
      const { value, done } = await frames.next();
      if (done) throw new Error(`the stream ended after ${taken.length} of ${count}`);
      taken.push(value);
    }
    return taken;
  };
  const rest = async (): Promise<ReadEvent<T>[]> => {
    const taken: ReadEvent<T>[] = [];
    for await (const frame of frames) taken.push(frame);
    return taken;
  };
  return { response, take, rest, close: async () => abort.abort() };
}

async function* framesOf<T>(response: Response): AsyncGenerator<ReadEvent<T>, void> {
  let text = '';
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string): string | null => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      if (field('retry') !== null) continue;
      const data = field('data');
      yield { id: field('id'), data: data === null ? null : (JSON.parse(data) as T), comment: field('') };
    }
  }
}
