import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { aPerson, aSession, anAgent, asAgent, changesOf, decided, DECISION, judge, judged, overridden, read, recorded, respond, trustApp, trustOf } from './world.js';

describe('a decision', () => {
  let hive: TestApp;
  let agent: { id: string };
  let session: { id: string };
  beforeAll(async () => {
    hive = await trustApp();
  });
  beforeEach(async () => {
    agent = await anAgent(hive);
    session = await aSession(hive, agent, { trustLevel: 'L4' });
  });
  afterAll(() => hive.close());

  const post = (body: object, request = {}) => hive.post<{ code: string; errors: { pointer: string }[] }>(`/v1/sessions/${session.id}/decisions`, { ...DECISION, ...body }, request);

  it('is kept with its context, its reason, its confidence and what people thought of it [S4.32-S4.42]', async () => {
    const made = await decided(hive, session, { decisionRationale: 'the test fails', confidenceScore: 0.87, executionTimeMs: 1200, risk: 'medium' }, { as: asAgent(agent, hive.me) });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/), sessionId: session.id, agentId: agent.id, decisionType: 'code_generation', inputContext: { file: 'a.ts' }, decisionRationale: 'the test fails',
      actionTaken: { write: 'b.ts' }, confidenceScore: 0.87, executionTimeMs: 1200, userFeedback: 'pending', feedbackAt: null, risk: 'medium', createdAt: expect.any(String),
    });
    const person = await aPerson(hive);
    expect(await judge(hive, made, 'modified', { as: person }, { comment: 'but shorter' })).toMatchObject({ status: 200, body: { userFeedback: 'modified', feedbackComment: 'but shorter', feedbackById: person.actor.id } });
    expect((await hive.get(`/v1/decisions/${made.id}`)).body).toMatchObject({ userFeedback: 'modified', confidenceScore: 0.87 });
    expect(await recorded(hive, made.id)).toEqual(['decision.modified', 'decision.created']);
  });

  it('leaves an entry that has no word of the reason, but its digest', async () => {
    const made = await decided(hive, session, { decisionRationale: 'a secret word' });
    const { body } = await hive.get<{ items: { newState: object; agentId: string; sessionId: string; risk: string }[] }>(`/v1/audit/entries?subjectId=${made.id}`);
    expect(body.items[0]).toMatchObject({ agentId: agent.id, sessionId: session.id, risk: 'low', newState: { digests: { decisionRationale: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } } });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('keeps its reason encrypted, for its own row alone [S4.97]', async () => {
    const [one, two] = [await decided(hive, session, { decisionRationale: 'a secret word' }), await decided(hive, session, { decisionRationale: 'another' })];
    const stored = await hive.database.execute<{ decision_rationale: string }>(hive.orm, `select decision_rationale from trust.decision where id in ('${one.id}', '${two.id}')`);
    for (const { decision_rationale: value } of stored) expect(value).toMatch(/^enc1\.[0-9a-f-]{36}\.[\w-]+$/);
    expect((await hive.get<{ items: object[] }>(`/v1/sessions/${session.id}/decisions`)).body.items).toMatchObject([{ decisionRationale: 'another' }, { decisionRationale: 'a secret word' }]);
    expect((await judge(hive, one, 'approved')).body).toMatchObject({ decisionRationale: 'a secret word' });
    await hive.database.execute(hive.orm, `update trust.decision set decision_rationale = (select decision_rationale from trust.decision where id = '${two.id}') where id = '${one.id}'`);
    expect((await hive.get(`/v1/decisions/${one.id}`)).status).toBe(500);
    expect((await hive.get(`/v1/decisions/${two.id}`)).body).toMatchObject({ decisionRationale: 'another' });
  });

  it('is allowed by the level, and where that does not reach, waits with a question', async () => {
    const waiting = await decided(hive, session);
    expect(waiting.authorization).toMatchObject({ outcome: 'needs_approval', level: 'L0', interactionId: expect.any(String) });
    await overridden(hive, agent, 'L2');
    expect((await decided(hive, session)).authorization).toEqual({ outcome: 'allowed', reason: 'L2 for code_generation allows low risk', level: 'L2', interactionId: null });
    expect((await decided(hive, session, { risk: 'critical' })).authorization).toMatchObject({ outcome: 'needs_approval', level: 'L2' });
  });

  it('that waits is asked about once, and what a person approves is done once', async () => {
    const [first, second] = [await decided(hive, session), await decided(hive, session)];
    expect(second.authorization.interactionId).toBe(first.authorization.interactionId);
    const question = { id: first.authorization.interactionId! };
    expect(await read(hive, question)).toMatchObject({ type: 'approval_request', agentId: agent.id, sessionId: session.id, subject: { type: 'decision', id: first.id } });
    await respond(hive, question, { status: 'approved' });
    expect((await decided(hive, session)).authorization).toMatchObject({ outcome: 'allowed', interactionId: question.id });
    expect((await decided(hive, session)).authorization).toMatchObject({ outcome: 'needs_approval' });
    expect((await decided(hive, session, { actionTaken: { other: 1 } })).authorization.interactionId).not.toBe(question.id);
  });

  it('is not above the ceiling of its session', async () => {
    await overridden(hive, agent, 'L4');
    const low = await aSession(hive, agent, { trustLevel: 'L1' });
    expect((await decided(hive, low)).authorization).toMatchObject({ outcome: 'needs_approval', level: 'L1' });
    expect((await decided(hive, low, { decisionType: 'review' })).authorization).toMatchObject({ outcome: 'allowed', level: 'L1' });
    expect((await aSession(hive, agent)).trustLevel).toBe('L4'); // what the agent has when it starts
    expect((await aSession(hive, await anAgent(hive))).trustLevel).toBe('L0');
  });

  it.each<[string, object, string]>([
    ['a confidence above 1', { confidenceScore: 1.01 }, '/confidenceScore'],
    ['a confidence below 0', { confidenceScore: -0.01 }, '/confidenceScore'],
    ['a confidence of three decimals', { confidenceScore: 0.123 }, '/confidenceScore'],
    ['a confidence that is a text', { confidenceScore: '0.9' }, '/confidenceScore'],
    ['a type that is none', { decisionType: 'guess' }, '/decisionType'],
    ['no context', { inputContext: undefined }, '/inputContext'],
    ['a context that is a list', { inputContext: [] }, '/inputContext'],
    ['no action', { actionTaken: undefined }, '/actionTaken'],
    ['a negative time', { executionTimeMs: -1 }, '/executionTimeMs'],
    ['a risk that is none', { risk: 'huge' }, '/risk'],
    ['a field of somebody else', { userFeedback: 'approved' }, '/userFeedback'],
  ])('with %s is refused', async (_, body, pointer) => {
    expect(await post(body)).toMatchObject({ status: 422, body: { errors: expect.arrayContaining([expect.objectContaining({ pointer })]) } });
  });

  it('is refused in a session that is over, is paused, has no agent, or is another agent\'s', async () => {
    const [paused, over, nobodys] = [await aSession(hive, agent), await aSession(hive, agent), (await hive.post<{ id: string }>('/v1/sessions', {})).body];
    await hive.patch(`/v1/sessions/${paused.id}`, { state: 'paused' }, { headers: { 'if-match': '*' } });
    await hive.patch(`/v1/sessions/${over.id}`, { state: 'completed' }, { headers: { 'if-match': '*' } });
    const codes = await Promise.all([paused, over, nobodys].map(async ({ id }) => (await hive.post<{ code: string }>(`/v1/sessions/${id}/decisions`, DECISION)).body.code));
    expect(codes).toEqual(['session-paused', 'session-ended', 'session-without-agent']);
    expect(await post({}, { as: asAgent(await anAgent(hive), hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
  });

  it('is judged once: the same again is harmless, something else is refused', async () => {
    const made = await decided(hive, session);
    expect((await judge(hive, made, 'approved')).status).toBe(200);
    expect(await judge(hive, made, 'approved')).toMatchObject({ status: 200, body: { userFeedback: 'approved' } });
    expect(await judge(hive, made, 'rejected')).toMatchObject({ status: 409, body: { code: 'feedback-given', userFeedback: 'approved' } });
    for (const said of ['pending', 'perfect']) expect((await judge(hive, made, said)).status).toBe(422);
    expect(await recorded(hive, made.id)).toEqual(['decision.approved', 'decision.created']);
    expect((await trustOf(hive, agent)).classes[0]).toMatchObject({ judgedCount: 1, approvedCount: 1 });
  });

  it('of two judgements at once counts one', async () => {
    const made = await decided(hive, session);
    const answers = await Promise.all(['approved', 'rejected', 'approved', 'modified'].map((said) => judge(hive, made, said)));
    const kept = answers.find(({ status }) => status === 200)!.body.userFeedback;
    expect(answers.every(({ status, body }) => (status === 200 ? body.userFeedback === kept : body.code === 'feedback-given'))).toBe(true);
    expect((await trustOf(hive, agent)).classes[0]).toMatchObject({ judgedCount: 1 });
  });

  it('is judged by people: not by the agent that made it, nor by another', async () => {
    const made = await decided(hive, session);
    expect(await judge(hive, made, 'approved', { as: asAgent(agent, hive.me) })).toMatchObject({ status: 403, body: { code: 'own-decision' } });
    expect(await judge(hive, made, 'approved', { as: asAgent(await anAgent(hive), hive.me) })).toMatchObject({ status: 403, body: { code: 'people-only' } });
    expect((await trustOf(hive, agent)).classes).toEqual([]); // nothing was judged
  });

  it('is listed by session and by agent, by type and by what was said [S4.127, S4.88]', async () => {
    const [review, code] = [await decided(hive, session, { decisionType: 'review' }), await decided(hive, session)];
    await judge(hive, code, 'rejected');
    const ids = async (path: string) => (await hive.get<{ items: { id: string }[]; nextCursor: string | null }>(path)).body;
    expect((await ids(`/v1/sessions/${session.id}/decisions`)).items.map(({ id }) => id)).toEqual([code.id, review.id]);
    expect((await ids(`/v1/agents/${agent.id}/decisions?type=review`)).items.map(({ id }) => id)).toEqual([review.id]);
    expect((await ids(`/v1/agents/${agent.id}/decisions?feedback=rejected&total=true`))).toMatchObject({ items: [{ id: code.id }], total: 1 });
    const page = await ids(`/v1/agents/${agent.id}/decisions?limit=1`);
    expect((await ids(`/v1/agents/${agent.id}/decisions?limit=1&cursor=${page.nextCursor}`))).toMatchObject({ items: [{ id: review.id }], nextCursor: null });
  });

  it('of another tenant is not there', async () => {
    const made = await decided(hive, session);
    const as = principal();
    const answers = [
      await hive.get(`/v1/decisions/${made.id}`, { as }), await judge(hive, made, 'approved', { as }), await post({}, { as }), await hive.get(`/v1/sessions/${session.id}/decisions`, { as }),
      await hive.get(`/v1/agents/${agent.id}/decisions`, { as }), await hive.get(`/v1/agents/${agent.id}/trust`, { as }), await hive.get(`/v1/agents/${agent.id}/trust/changes`, { as }),
      await hive.get(`/v1/agents/${agent.id}/trust/metrics`, { as }), await hive.post(`/v1/agents/${agent.id}/incidents`, { severity: 'low', description: 'x' }, { as }),
      await hive.post('/v1/authorizations', { agentId: agent.id, action: 'deploy', risk: 'low' }, { as }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
    expect((await judge(hive, { id: newId() }, 'approved')).status).toBe(404);
  });

  it('is written once under a key that is sent again', async () => {
    const headers = { 'idempotency-key': newId() };
    const [first, second] = [await post({}, { headers }), await post({}, { headers })];
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body]);
    expect((await hive.get<{ items: unknown[] }>(`/v1/sessions/${session.id}/decisions`)).body.items).toHaveLength(1);
  });

  it('five times approved raises the confidence, and does not promote [S4.135, S4.43-S4.49]', async () => {
    const low = [0];
    for (let i = 0; i < 5; i++) {
      await judged(hive, session, ['approved'], { confidenceScore: 0.9 });
      low.push((await trustOf(hive, agent)).classes[0]!.confidence.low!);
    }
    expect([...low].sort((a, b) => a - b)).toEqual(low);
    expect(low[5]).toBeCloseTo(0.5655, 4); // Wilson, 95 %, 5 of 5
    const trust = await trustOf(hive, agent);
    expect(trust).toMatchObject({
      effectiveLevel: 'L0', policy: { name: 'default', version: 0 },
      classes: [{ actionClass: 'code_generation', level: 'L0', confidence: { samples: 5, approved: 5, approvalRate: 1 }, calibration: { samples: 5, brierScore: 0.01, expectedCalibrationError: 0.1 } }],
    });
    const { items } = (await hive.get<{ items: { metricType: string; metricValue: number; sessionId: string; measurementContext: object; recordedAt: string }[] }>(`/v1/agents/${agent.id}/trust/metrics?type=reliability`)).body;
    expect(items.map(({ metricValue }) => metricValue)).toEqual([56.55, 51.01, 43.85, 34.24, 20.65]);
    expect(items[0]).toMatchObject({ sessionId: session.id, measurementContext: { decisionId: expect.any(String), samples: 5 }, recordedAt: expect.any(String) });
    expect(trust.metrics.map(({ metricType, metricValue }) => [metricType, metricValue])).toEqual([['accuracy', 100], ['autonomy', 0], ['reliability', 56.55]]);
    expect(await changesOf(hive, agent)).toEqual([]);
  });
});
