import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Headers, Module, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Access, EventStreams, type EventSource, type StreamEvent } from '../src/http/index.js';
import { currentTenantId, kernelDomain, runAs } from '../src/index.js';
import { readEvents, testApp, type TestApp } from '../src/testing/index.js';

const SLOW_READER_MS = 300;
const KEEP_ALIVE_MS = 60;

/** Numbers that were written, and readers that wait for more. */
class Numbers implements EventSource {
  readonly written: number[] = [];
  readonly waiting = new Set<() => void>();
  looks = 0;
  closed = 0;

  write(...numbers: number[]): void {
    this.written.push(...numbers);
    for (const wake of this.waiting) wake();
  }

  async next(after: string): Promise<StreamEvent[]> {
    this.looks++;
    return this.written.filter((n) => n > Number(after)).slice(0, 10).map((n) => ({ id: String(n), data: { n, tenantId: currentTenantId() } }));
  }

  close(): void {
    this.closed++;
  }

  wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

/** Never ends, and never waits. */
class Flood extends Numbers {
  override async next(after: string): Promise<StreamEvent[]> {
    this.looks++;
    return [{ id: String(Number(after) + 1), data: { text: 'x'.repeat(64 * 1024) } }];
  }
}

const sources: Record<string, Numbers> = {};

@Controller('v1/streams')
class StreamsController {
  constructor(private readonly streams: EventStreams) {}

  @Get(':name')
  @Access('streams:read')
  stream(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply, @Headers('last-event-id') after = '0') {
    const lifetimeMs = name === 'short' ? 150 : 10_000;
    return this.streams.open(reply, after, sources[name]!, { keepAliveMs: KEEP_ALIVE_MS, slowReaderMs: SLOW_READER_MS, lifetimeMs });
  }
}

@Module({ controllers: [StreamsController] })
class StreamsModule {}

describe('streams of events', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await testApp({ domains: [kernelDomain], modules: [StreamsModule] });
  });
  afterAll(() => hive.close());

  const until = async (condition: () => boolean): Promise<void> => {
    for (const end = Date.now() + 5_000; !condition(); await pause(10)) if (Date.now() > end) throw new Error('it did not become so');
  };
  const streams = () => hive.app.get(EventStreams, { strict: false });

  it('gives what is there, then what comes, each with its position, in the tenant of the reader', async () => {
    const numbers = (sources.story = new Numbers());
    numbers.write(1, 2, 3);
    const reader = await readEvents(hive, '/v1/streams/story');
    expect(Object.fromEntries(reader.response.headers)).toMatchObject({ 'cache-control': 'no-store', 'x-accel-buffering': 'no', 'x-request-id': expect.any(String) });
    expect(await reader.take(3)).toEqual([1, 2, 3].map((n) => ({ id: String(n), data: { n, tenantId: hive.me.tenantId }, comment: null })));
    await until(() => numbers.waiting.size === 1);
    numbers.write(4);
    expect(await reader.take(1)).toMatchObject([{ id: '4' }]);
    await reader.close();
  });

  it('goes on after Last-Event-ID, in batches, and with nothing twice', async () => {
    const numbers = (sources.resumed = new Numbers());
    numbers.write(...Array.from({ length: 35 }, (_, i) => i + 1));
    const reader = await readEvents(hive, '/v1/streams/resumed', { headers: { 'last-event-id': '7' } });
    expect((await reader.take(28)).map(({ id }) => Number(id))).toEqual(Array.from({ length: 28 }, (_, i) => i + 8));
    await reader.close();
  });

  it('breaks the silence with comments that have no position', async () => {
    sources.silent = new Numbers();
    const reader = await readEvents(hive, '/v1/streams/silent');
    expect(await reader.take(2)).toEqual(Array(2).fill({ id: null, data: null, comment: 'keep-alive' }));
    await reader.close();
  });

  it('ends when its time is over, so that the reader comes back with its key', async () => {
    const numbers = (sources.short = new Numbers());
    numbers.write(1);
    const frames = await (await readEvents(hive, '/v1/streams/short')).rest();
    expect(frames.filter(({ id }) => id !== null)).toMatchObject([{ id: '1' }]);
  });

  it('forgets a reader that is gone', async () => {
    const numbers = (sources.left = new Numbers());
    const before = streams().readers.size;
    const reader = await readEvents(hive, '/v1/streams/left');
    await until(() => numbers.waiting.size === 1);
    expect(streams().readers.size).toBe(before + 1);
    await reader.close();
    await until(() => streams().readers.size === before && numbers.waiting.size === 0);
    expect(numbers.closed).toBe(1);
  });

  it('forgets a reader that left before the stream began', async () => {
    const numbers = (sources.early = new Numbers());
    const raw = Object.assign(new EventEmitter(), { closed: true });
    const reply = { raw, headers: () => reply } as unknown as FastifyReply;
    const before = streams().readers.size;
    await runAs(hive.orm.em, hive.me, async () => streams().open(reply, '0', numbers));
    expect([numbers.closed, streams().readers.size]).toEqual([1, before]);
  });

  it('asks for no more than a slow reader takes, and cuts it off after a while', async () => {
    const flood = (sources.flood = new Flood());
    const authorization = `Bearer test:${Buffer.from(JSON.stringify(hive.me)).toString('base64url')}`;
    const { hostname, port } = new URL(hive.baseUrl);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined); // it is the server that ends this
    socket.write(`GET /v1/streams/flood HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`);
    socket.pause();
    await until(() => flood.looks > 2 && streams().readers.size > 0);
    await pause(SLOW_READER_MS / 2);
    const taken = flood.looks;
    await pause(SLOW_READER_MS / 3);
    expect(flood.looks).toBe(taken); // what the sockets take in between, and then nothing
    await until(() => streams().readers.size === 0);
    expect(flood.looks).toBe(taken);
    socket.destroy();
  });

  it('ends all at shutdown, and keeps nobody waiting', async () => {
    const own = await testApp({ domains: [kernelDomain], modules: [StreamsModule] });
    const numbers = (sources.ending = new Numbers());
    numbers.write(1);
    const reader = await readEvents(own, '/v1/streams/ending');
    await reader.take(1);
    const [frames] = await Promise.all([reader.rest(), own.close()]);
    expect(frames).toEqual([]);
  });
});
