import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestApp } from '@agent-hive/kernel/testing';
import type { AssignmentDto } from '../src/assignment/assignment.dto.js';
import { aTask, anActiveAgent, read, tasksApp } from './world.js';

describe('a language model that estimates tasks', () => {
  let hive: TestApp;
  let llm: Server;
  let respond: RequestListener;
  const seen: { messages: { content: string }[] }[] = [];

  beforeAll(async () => {
    llm = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        seen.push(JSON.parse(Buffer.concat(chunks).toString()) as (typeof seen)[number]);
        respond(request, response);
      });
    });
    await new Promise<void>((resolve) => llm.listen(0, '127.0.0.1', resolve));
    hive = await tasksApp({ estimator: { url: `http://127.0.0.1:${(llm.address() as AddressInfo).port}/v1`, model: 'test-model', key: 'k', timeoutMs: 300 } });
    await anActiveAgent(hive);
  });
  afterAll(async () => {
    await hive.close();
    llm.closeAllConnections();
    await new Promise((resolve) => llm.close(resolve));
  });

  const saying = (content: string, status = 200): RequestListener => (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [{ message: { content } }] }));
  };
  const assign = (task: { id: string }) => hive.post<AssignmentDto>(`/v1/tasks/${task.id}/assignment`);

  it('is asked before an assignment, and what it says goes before history [S1.60, S1.61]', async () => {
    respond = saying('{"complexity_score": 7.256, "duration_ms": 1234.6, "reason": "large\\u0000", "else": 1}');
    const task = await aTask(hive, { description: 'd', input: { secret: 1 }, requiredCapabilities: [] });
    const { status, body } = await assign(task);
    expect(status).toBe(201);
    expect(body.prediction).toMatchObject({ durationMs: 1235, complexityScore: 7.26, estimator: { provider: 'http', complexityScore: 7.26, durationMs: 1235, reason: 'large' } });
    expect(await read(hive, task)).toMatchObject({ predictedDuration: 1235, aiComplexityScore: 7.26, aiOptimizationApplied: true });
    const asked = JSON.parse(seen.at(-1)!.messages[1]!.content) as { task: object; history: object };
    expect(asked).toMatchObject({ task: { id: task.id, description: 'd' }, history: { type: null, minimumSamples: 10 } });
    expect(asked.task).not.toHaveProperty('input');
  });

  it.each<[string, RequestListener, RegExp]>([
    ['hangs', () => undefined, /timeout|aborted/i],
    ['fails', saying('', 500), /answered 500/],
    ['answers no JSON', saying('well, I think'), /JSON/],
    ['answers a list', saying('[]'), /no JSON object/],
    ['scores out of range', saying('{"complexity_score": 11}'), /complexity_score/],
    ['predicts what is no duration', saying('{"duration_ms": "long"}'), /duration_ms/],
    ['answers without end', (_, response) => void response.writeHead(200).end('x'.repeat(300 * 1024)), /more than 262144 bytes/],
    ['hangs up', (request) => void request.socket.destroy(), /./],
    ['answers an error', saying('{"error":"quota exceeded"}'), /quota exceeded/],
  ])('costs nothing but its estimate when it %s [S1.18]', async (_, listener, message) => {
    respond = listener;
    const task = await aTask(hive);
    const { status, body } = await assign(task);
    expect(status).toBe(201);
    expect(body.prediction).toMatchObject({ durationMs: null, complexityScore: null, estimator: { provider: 'http', error: expect.stringMatching(message) } });
    expect(await read(hive, task)).toMatchObject({ predictedDuration: null, aiComplexityScore: null, aiOptimizationApplied: true });
  });

  it('is not told of a task that is larger than it may be', async () => {
    const before = seen.length;
    const task = await aTask(hive, { description: 'x'.repeat(65_500) });
    expect((await assign(task)).body.prediction.estimator).toEqual({ provider: 'http', error: expect.stringContaining("the task's data exceed 65536 bytes") });
    expect(seen).toHaveLength(before);
  });

  it('is not asked about what cannot be assigned', async () => {
    const before = seen.length;
    const task = await aTask(hive, { childPolicy: 'all' });
    expect((await assign(task)).status).toBe(409);
    expect(seen).toHaveLength(before);
  });
});
