import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import { requireAiMetadata } from '../src/agent/agent.entity.js';
import { WorkloadService, type Insights } from '../src/index.js';
import { agentsApp, anAgent, inStatus } from './world.js';

const read = async (hive: TestApp, agent: AgentDto, include = '') => (await hive.get<AgentDto>(`/v1/agents/${agent.id}${include}`)).body;
const refresh = async (hive: TestApp, agent: AgentDto) => (await hive.post<Insights & { error?: string }>(`/v1/agents/${agent.id}/insights`)).body;

describe('insights from what the hive recorded', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  it('computes them on demand and stores them without moving the version [S1.13-S1.17, S1.19, S1.28-S1.32, S1.52-S1.57, S1.85]', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'active');
    const insights = await refresh(hive, agent);
    expect(insights).toMatchObject({ provider: 'recorded', efficiency_score: expect.any(Number), performance_metrics: { overall_score: expect.any(Number) } });
    const after = await read(hive, agent);
    expect(after).toMatchObject({
      performanceScore: insights.performance_metrics!.overall_score, learningMetrics: insights.learning_data, optimizationSuggestions: insights.optimizations,
      efficiencyRating: insights.efficiency_score, aiInsightsAvailable: true, version: 1, aiMetadata: { last_insights: insights },
    });
    expect(after.aiMetadata.analysis_timestamp).toMatch(/^\d{4}-\d{2}-\d{2}T.*Z$/);
    expect((await hive.get<{ items: unknown[] }>(`/v1/audit/entries?subjectId=${agent.id}&action=agent.analysed`)).body.items).toHaveLength(1);
  });

  it('refreshes when read with insights and older than an hour, and not before [S1.65, S1.67]', async () => {
    const agent = await anAgent(hive);
    const first = await read(hive, agent, '?include=insights');
    expect(first.insights).toMatchObject({ provider: 'recorded' });
    expect((await read(hive, agent, '?include=insights')).lastAiAnalysis).toBe(first.lastAiAnalysis);
    await hive.database.execute(hive.orm, `update agents.agent set last_ai_analysis = now() - interval '3601 seconds' where id = '${agent.id}'`);
    expect(Date.parse((await read(hive, agent, '?include=insights')).lastAiAnalysis!)).toBeGreaterThanOrEqual(Date.parse(first.lastAiAnalysis!));
    const plain = await anAgent(hive, { enhancedFeaturesEnabled: false });
    expect(await read(hive, plain, '?include=insights')).toMatchObject({ insights: null, lastAiAnalysis: null });
    expect((await hive.get(`/v1/agents/${newId()}?include=insights`)).status).toBe(404);
    expect((await hive.get(`/v1/agents/${agent.id}?include=secrets`)).status).toBe(422);
  });

  it('rests on status history and work: shares, intervals, trend, suggestions', async () => {
    const agent = await anAgent(hive);
    const day = 86_400_000;
    const at = (ms: number) => new Date(Date.now() - ms).toISOString();
    // Four days: active throughout but for one day in error, in which heartbeats had stopped.
    const history = [
      ['initializing', 'active', null, 4 * day - 1],
      ['active', 'error', 'stale_heartbeat', 2 * day],
      ['error', 'active', null, day],
    ] as const;
    await hive.database.execute(hive.orm, `update agents.agent set created_at = '${at(4 * day)}' where id = '${agent.id}'`);
    for (const [from, to, reason, age] of history) {
      await hive.database.execute(
        hive.orm,
        `insert into agents.status_change (tenant_id, id, agent_id, from_status, to_status, reason, changed_by_name, changed_at)
         values ('${hive.me.tenantId}', '${newId()}', '${agent.id}', '${from}', '${to}', ${reason ? `'${reason}'` : 'null'}, 'test', '${at(age)}')`,
      );
    }
    await runAs(hive.orm.em, servicePrincipal(hive.me.tenantId, 'tasks'), () =>
      hive.app.get(WorkloadService, { strict: false }).report([{ agentId: agent.id, openCount: 0, succeededCount: 90, failedCount: 10, meanDurationMs: 1200, p95DurationMs: 3000, windowSeconds: 604_800, measuredAt: new Date() }]),
    );
    const insights = await refresh(hive, agent);
    expect(insights.performance_metrics).toMatchObject({ availability: 0.75, success_rate: { value: 0.9, samples: 100 }, mean_duration_ms: 1200, p95_duration_ms: 3000 });
    const { low, high } = insights.performance_metrics!.success_rate as { low: number; high: number };
    // Wilson 95 % interval of 90 in 100: 0.8256 to 0.9448.
    expect([low, high]).toEqual([expect.closeTo(0.8256, 3), expect.closeTo(0.9448, 3)]);
    // 0.4 * 0.75 + 0.5 * 0.8256 + 0.1 * 1 / (1 + 0.25 / 2) = 0.8017
    expect(insights.performance_metrics!.overall_score).toBe(80);
    expect(insights.learning_data).toMatchObject({ daily_availability: [1, 1, 0, 1] });
    expect(insights.predictions).toMatchObject({ availability_trend_per_day: { value: -0.1, samples: 4 } });
    expect(insights.optimizations!.join()).toContain('Heartbeats stopped 1 times');
  });

  it.each([
    ['2024-08-20T12:00:00Z', true],
    ['2024-08-20T12:00:00', true],
    ['2024-08-20T12:00:00+02:00', true],
    ['yesterday', false],
    ['2024-13-45', false],
  ])('checks analysis_timestamp %s: %s [S1.44]', (timestamp, valid) => {
    const check = () => requireAiMetadata({ analysis_timestamp: timestamp });
    if (valid) expect(check).not.toThrow();
    else expect(check).toThrow('Invalid analysis_timestamp format in ai_metadata');
  });
});

describe('insights from a language model', () => {
  let hive: TestApp;
  let llm: Server;
  let respond: RequestListener;
  const seen: { body: { model: string; messages: { content: string }[] }; authorization?: string }[] = [];

  beforeAll(async () => {
    llm = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        seen.push({ body: JSON.parse(Buffer.concat(chunks).toString()), authorization: request.headers.authorization });
        respond(request, response);
      });
    });
    await new Promise<void>((resolve) => llm.listen(0, '127.0.0.1', resolve));
    hive = await agentsApp({ insights: { url: `http://127.0.0.1:${(llm.address() as AddressInfo).port}/v1`, model: 'test-model', key: 'k', timeoutMs: 300 } });
  });
  afterAll(async () => {
    await hive.close();
    llm.closeAllConnections();
    await new Promise((resolve) => llm.close(resolve));
  });

  const saying = (content: string, status = 200): RequestListener => (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [{ message: { content } }] }));
  };

  it('stores what the model finds [S1.16, S1.69]', async () => {
    respond = saying(JSON.stringify({ efficiency_score: 85.5, performance_metrics: { overall_score: 85 }, learning_data: { a: 1 }, optimizations: ['rest'] }));
    const agent = await anAgent(hive);
    expect(await refresh(hive, agent)).toMatchObject({ efficiency_score: 85.5, performance_metrics: { overall_score: 85 } });
    expect(await read(hive, agent)).toMatchObject({ performanceScore: 85, efficiencyRating: 85.5, learningMetrics: { a: 1 }, optimizationSuggestions: ['rest'], aiMetadata: { last_insights: { efficiency_score: 85.5 } } });
    expect(seen.at(-1)).toMatchObject({ authorization: 'Bearer k', body: { model: 'test-model' } });
    expect(JSON.parse(seen.at(-1)!.body.messages[1]!.content)).toMatchObject({ modelType: 'Agent', includePredictions: true, modelData: { id: agent.id } });
  });

  it.each<[string, RequestListener, RegExp]>([
    ['hangs', () => undefined, /timeout|aborted/i],
    ['fails', saying('', 500), /answered 500/],
    ['answers no JSON', saying('well, I think'), /JSON/],
    ['answers a list', saying('[]'), /no JSON object/],
    ['scores out of range', saying('{"efficiency_score": 120}'), /efficiency_score/],
    ['answers without end', (_, response) => void response.writeHead(200).end('x'.repeat(300 * 1024)), /more than 262144 bytes/],
    ['hangs up', (request) => void request.socket.destroy(), /./],
  ])('answers and stores {error} and never fails itself when the model %s [S1.18]', async (_, listener, message) => {
    respond = listener;
    const agent = await anAgent(hive);
    const answer = await hive.post<{ error: string }>(`/v1/agents/${agent.id}/insights`);
    expect(answer.status).toBe(200);
    expect(answer.body.error).toMatch(message);
    expect(await read(hive, agent)).toMatchObject({ performanceScore: 0, efficiencyRating: 0, aiMetadata: { last_insights: { error: answer.body.error } } });
  });
});
