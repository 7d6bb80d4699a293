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

  it('computes them on demand and stores them without moving the version [S1.13, S1.73, S1.15, S1.16, S1.28-S1.32, S1.52-S1.55, S1.57, S1.85]', async () => {
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

  it('merges into the metadata and leaves what else is there [S1.17]', async () => {
    const agent = await anAgent(hive);
    await hive.database.execute(hive.orm, `update agents.agent set ai_metadata = '{"of_others": {"a": 1}, "last_insights": {"old": true}}' where id = '${agent.id}'`);
    const insights = await refresh(hive, agent);
    expect((await read(hive, agent)).aiMetadata).toMatchObject({ of_others: { a: 1 }, last_insights: insights, analysis_timestamp: expect.stringMatching(/Z$/) });
    expect((await read(hive, agent)).aiMetadata.last_insights).not.toHaveProperty('old');
  });

  it('are off in a row that does not say otherwise, and its score stays within 0 and 100 [S1.14, S1.35, S1.39, S1.56]', async () => {
    const id = newId();
    const write = (statement: string) => hive.database.execute(hive.orm, statement);
    await write(`insert into agents.agent (tenant_id, id, name, type, created_at, updated_at) values ('${hive.me.tenantId}', '${id}', 'a', 'general-purpose', now(), now())`);
    await write(`insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count) values ('${hive.me.tenantId}', '${id}', 'initializing', now(), 0)`);
    expect((await hive.get(`/v1/agents/${id}`)).body).toMatchObject({ enhancedFeaturesEnabled: false, performanceScore: 0 });
    for (const score of [0, 100]) await write(`update agents.agent set performance_score = ${score} where id = '${id}'`);
    for (const score of [-1, 101]) await expect(write(`update agents.agent set performance_score = ${score} where id = '${id}'`)).rejects.toThrow('agent_performance_score_check');
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

  const GOOD = JSON.stringify({ efficiency_score: 85.5, performance_metrics: { overall_score: 85 } });

  it('stores what the model finds [S1.16, S1.69]', async () => {
    respond = saying(JSON.stringify({ efficiency_score: 85.5, performance_metrics: { overall_score: 85 }, learning_data: { a: 1 }, optimizations: ['rest'] }));
    const agent = await anAgent(hive);
    expect(await refresh(hive, agent)).toMatchObject({ efficiency_score: 85.5, performance_metrics: { overall_score: 85 } });
    expect(await read(hive, agent)).toMatchObject({ performanceScore: 85, efficiencyRating: 85.5, learningMetrics: { a: 1 }, optimizationSuggestions: ['rest'], aiMetadata: { last_insights: { efficiency_score: 85.5 } } });
    expect(seen.at(-1)).toMatchObject({ authorization: 'Bearer k', body: { model: 'test-model' } });
    expect(JSON.parse(seen.at(-1)!.body.messages[1]!.content)).toMatchObject({ modelType: 'Agent', includePredictions: true, modelData: { id: agent.id } });
  });

  it('tells the model every column of the agent, as the API shows it [S1.19]', async () => {
    respond = saying(GOOD);
    const agent = await anAgent(hive, { config: { a: 1 }, description: 'd' });
    await refresh(hive, agent);
    const { modelData } = JSON.parse(seen.at(-1)!.body.messages[1]!.content) as { modelData: AgentDto };
    expect(modelData).toEqual(agent);
    const columns = await hive.database.execute<{ name: string }>(hive.orm, `select column_name as name from information_schema.columns where table_schema = 'agents' and table_name = 'agent' and column_name <> 'tenant_id'`);
    expect(Object.keys(modelData)).toEqual(expect.arrayContaining(columns.map(({ name }) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))));
  });

  it.each<[string, RequestListener, RegExp]>([
    ['hangs', () => undefined, /timeout|aborted/i],
    ['fails', saying('', 500), /answered 500/],
    ['answers no JSON', saying('well, I think'), /JSON/],
    ['answers a list', saying('[]'), /no JSON object/],
    ['scores out of range', saying('{"efficiency_score": 120}'), /efficiency_score/],
    ['answers without end', (_, response) => void response.writeHead(200).end('x'.repeat(300 * 1024)), /more than 262144 bytes/],
    ['hangs up', (request) => void request.socket.destroy(), /./],
    ['answers a NUL character', saying('{"note":"a\\u0000b"}'), /NUL/],
    ['answers half a surrogate pair', saying('{"note":"\\ud800"}'), /surrogate/],
    ['answers a NUL in no JSON', saying('\0 well'), /JSON/],
    ['answers JSON that is nested 60,000 deep', saying(`{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`), /nested deeper/],
    ['answers an error', saying('{"error":"quota exceeded"}'), /quota exceeded/],
    ['answers an error as an object', saying('{"error":{"message":"quota exceeded"}}'), /quota exceeded/],
  ])('answers {error}, keeps it beside what it knew, and never fails itself when the model %s [S1.18]', async (_, listener, message) => {
    respond = saying(GOOD);
    const agent = await anAgent(hive);
    await refresh(hive, agent);
    const before = await read(hive, agent);
    respond = listener;
    const answer = await hive.post<{ error: string }>(`/v1/agents/${agent.id}/insights`);
    expect([answer.status, answer.body]).toEqual([200, { error: expect.stringMatching(message) }]);
    expect(await read(hive, agent)).toEqual({ ...before, aiMetadata: { ...before.aiMetadata, last_error: { message: answer.body.error, at: expect.any(String) } } });
    const { body } = await hive.get(`/v1/audit/entries?subjectId=${agent.id}&action=agent.analysis_failed`);
    expect(body).toMatchObject({ items: [{ newState: { aiMetadata: { last_error: { message: answer.body.error } } } }] });
  });

  it('has no insights of an agent when all that it has is a failure, asks again after a minute, and forgets it by the next success', async () => {
    respond = saying('', 500);
    const agent = await anAgent(hive);
    expect(await read(hive, agent, '?include=insights')).toMatchObject({ insights: { error: expect.any(String) }, aiInsightsAvailable: false, efficiencyRating: 0, lastAiAnalysis: null });
    const asked = seen.length;
    expect(await read(hive, agent, '?include=insights')).toMatchObject({ insights: null, aiMetadata: { last_error: { message: 'the provider answered 500' } } });
    expect(seen).toHaveLength(asked);
    await hive.database.execute(
      hive.orm,
      `update agents.agent set ai_metadata = jsonb_set(ai_metadata, '{last_error,at}', to_jsonb('${new Date(Date.now() - 61_000).toISOString()}'::text)) where id = '${agent.id}'`,
    );
    respond = saying(GOOD);
    const after = await read(hive, agent, '?include=insights');
    expect(after).toMatchObject({ insights: { efficiency_score: 85.5 }, aiInsightsAvailable: true });
    expect(after.aiMetadata).not.toHaveProperty('last_error');
  });

  describe('that takes its time', () => {
    let slow: TestApp;
    beforeAll(async () => {
      slow = await agentsApp({ insights: { url: `http://127.0.0.1:${(llm.address() as AddressInfo).port}/v1`, model: 'test-model', timeoutMs: 30_000 } });
    });
    afterAll(() => slow.close());

    const ask = (agent: AgentDto, key: string, body = {}) => slow.post(`/v1/agents/${agent.id}/insights`, body, { headers: { 'idempotency-key': key } });

    /** The model, which answers nobody until it is told to; `asked` is over once so many have asked it. */
    function thinking(count: number): { asked: Promise<void>; finish: () => void } {
      const waiting: (() => void)[] = [];
      const asked = new Promise<void>((resolve) => {
        respond = (request, response) => {
          waiting.push(() => saying(GOOD)(request, response));
          if (waiting.length === count) resolve();
        };
      });
      return { asked, finish: () => waiting.forEach((answer) => answer()) };
    }

    it('holds no connection of others meanwhile, with an Idempotency-Key either', async () => {
      const agents = await Promise.all(Array.from({ length: 20 }, () => anAgent(slow)));
      const { asked, finish } = thinking(20);
      const waiting = Promise.all(agents.map((agent) => ask(agent, newId())));
      await asked;
      expect((await Promise.all(agents.map((agent) => slow.get(`/v1/agents/${agent.id}`)))).map((answer) => answer.status)).toEqual(Array(20).fill(200));
      finish();
      expect((await waiting).map((answer) => answer.body)).toEqual(Array(20).fill(expect.objectContaining({ efficiency_score: 85.5 })));
    });

    it('is asked once for requests under one key, at once and after', async () => {
      const [agent, key, before] = [await anAgent(slow), newId(), seen.length];
      const { asked, finish } = thinking(1);
      const waiting = Promise.all(Array.from({ length: 10 }, () => ask(agent, key)));
      await asked;
      finish();
      const answers = await waiting;
      expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
      expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
      expect(answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
      expect((await ask(agent, key)).headers.get('idempotent-replayed')).toBe('true');
      expect(seen).toHaveLength(before + 1);
      expect((await ask(agent, key, { other: 1 })).body).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    });

    it('is still at work, a duplicate that waited two seconds is told', async () => {
      const [agent, key] = [await anAgent(slow), newId()];
      const { asked, finish } = thinking(1);
      const first = ask(agent, key);
      await asked;
      // Should this process end here, its key is held for no longer than that.
      const [lease] = await slow.database.execute<{ seconds: string }>(slow.orm, `select extract(epoch from expires_at - clock_timestamp()) as seconds from kernel.lease where name like 'idempotency:%'`);
      expect(Number(lease!.seconds)).toBeLessThanOrEqual(30);
      const duplicate = await ask(agent, key);
      expect([duplicate.body, duplicate.headers.get('retry-after')]).toMatchObject([{ status: 409, code: 'idempotency-in-flight' }, '1']);
      finish();
      expect((await first).status).toBe(200);
      expect((await ask(agent, key)).headers.get('idempotent-replayed')).toBe('true');
    });
  });
});
