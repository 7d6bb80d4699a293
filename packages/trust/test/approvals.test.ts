import { createHash } from 'node:crypto';
import { newId } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { TrustHooks, type InteractionDto } from '../src/index.js';
import { anAgent, approved, asAgent, asked, DEPLOY, expire, inSeconds, pause, read, recorded, respond, trustApp, use } from './world.js';

describe('an approval', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await trustApp();
  });
  afterAll(() => hive.close());

  it('is bound to the canonical form of its action, and used once', async () => {
    const approval = await approved(hive);
    expect(approval.actionDigest).toBe(createHash('sha256').update('{"name":"deploy","parameters":{"regions":["eu","us"],"revision":7,"service":"web"}}').digest('hex'));
    // The same action, said in another order.
    const used = await use(hive, approval, { parameters: { regions: ['eu', 'us'], service: 'web', revision: 7.0 }, name: 'deploy' });
    expect(used).toMatchObject({ status: 200, body: { status: 'approved', usedAt: expect.any(String) } });
    expect(await use(hive, approval)).toMatchObject({ status: 409, body: { code: 'approval-used', usedAt: used.body.usedAt } });
    expect(await recorded(hive, approval.id)).toEqual(['interaction.used', 'interaction.approved', 'interaction.created']);
  });

  it.each([
    ['another name', { ...DEPLOY, name: 'Deploy' }],
    ['a changed parameter', { ...DEPLOY, parameters: { ...DEPLOY.parameters, revision: 8 } }],
    ['one parameter more', { ...DEPLOY, parameters: { ...DEPLOY.parameters, constructor: 1 } }],
    ['one more of a name that every object has', { name: 'deploy', parameters: { ...DEPLOY.parameters, toString: { a: 1 } } }],
    ['one parameter less', { ...DEPLOY, parameters: { service: 'web', revision: 7 } }],
    ['a number that became a text', { ...DEPLOY, parameters: { ...DEPLOY.parameters, revision: '7' } }],
    ['a list in another order', { ...DEPLOY, parameters: { ...DEPLOY.parameters, regions: ['us', 'eu'] } }],
  ])('allows no action with %s, and is not used up by the attempt', async (_, action) => {
    const approval = await approved(hive);
    const answer = await use(hive, approval, action);
    expect(answer).toMatchObject({ status: 409, body: { code: 'action-changed', approvedDigest: approval.actionDigest, detail: expect.stringContaining('digest') } });
    expect((await use(hive, approval)).status).toBe(200);
  });

  it('is used by one of many that try at once', async () => {
    const approval = await approved(hive);
    const answers = await Promise.all(Array.from({ length: 8 }, () => use(hive, approval)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
    expect(await recorded(hive, approval.id)).toHaveLength(3);
  });

  it.each<[string, () => Promise<InteractionDto>, string]>([
    ['that nobody has given', () => asked(hive), 'not-approved'],
    ['that was refused', async () => (await respond(hive, await asked(hive), { status: 'rejected' })).body, 'not-approved'],
    ['that was taken back', async () => (await hive.post<InteractionDto>(`/v1/interactions/${(await asked(hive)).id}/cancellation`, {})).body, 'not-approved'],
    ['that was given without an action', () => approved(hive, { action: null }), 'no-action'],
    ['that is no approval', async () => (await respond(hive, await asked(hive, { type: 'decision_point' }), { status: 'answered', response: 'yes' })).body, 'not-approved'],
  ])('%s allows nothing', async (_, make, code) => {
    expect(await use(hive, await make())).toMatchObject({ status: 409, body: { code } });
  });

  it('is over at its moment, given or not, swept or not', async () => {
    const unanswered = await asked(hive, { expiresInSeconds: 1 });
    const given = await approved(hive, { expiresInSeconds: 1 });
    await pause(1050);
    for (const approval of [unanswered, given]) expect(await use(hive, approval)).toMatchObject({ status: 409, body: { code: 'interaction-expired' } });
    await expire(hive, inSeconds(1));
    expect(await use(hive, unanswered)).toMatchObject({ status: 409, body: { code: 'interaction-expired' } });
    expect((await read(hive, given)).status).toBe('approved'); // what was said stays said
  });

  it('is for the agent that asked, while that one is at work', async () => {
    const [agent, other] = [await anAgent(hive), await anAgent(hive)];
    const [mine, shut] = [await approved(hive, { agentId: agent.id }), await approved(hive, { agentId: other.id })];
    expect(await use(hive, mine, DEPLOY, { as: asAgent(other, hive.me) })).toMatchObject({ status: 403, body: { code: 'not-yours' } });
    expect((await use(hive, mine, DEPLOY, { as: asAgent(agent, hive.me) })).status).toBe(200);
    await hive.post(`/v1/agents/${other.id}/heartbeat`, { status: 'shutdown' });
    expect(await use(hive, shut, DEPLOY)).toMatchObject({ status: 409, body: { code: 'agent-shutdown' } });
  });

  it('of another tenant answers as one that is not there, and an action that is none is refused', async () => {
    const approval = await approved(hive);
    for (const id of [approval.id, newId()]) expect(await use(hive, { id }, DEPLOY, { as: principal() })).toMatchObject({ status: 404, body: { code: 'not-found' } });
    for (const body of [{}, { action: { name: 'deploy' } }, { action: null }, { action: [DEPLOY] }]) expect((await hive.post(`/v1/interactions/${approval.id}/use`, body)).status).toBe(422);
    expect((await use(hive, approval)).status).toBe(200);
  });

  it('is used once under a key that is sent again', async () => {
    const approval = await approved(hive);
    const headers = { 'idempotency-key': newId() };
    const [first, second] = [await use(hive, approval, DEPLOY, { headers }), await use(hive, approval, DEPLOY, { headers })];
    expect([first.status, second.status, second.headers.get('idempotent-replayed')]).toEqual([200, 200, 'true']);
    expect(second.body).toEqual(first.body);
  });

  describe('whose end others wait for', () => {
    let told: InteractionDto[] = [];
    let broken = false;
    beforeAll(() => {
      const hooks = hive.app.get(TrustHooks, { strict: false });
      hooks.interactionOpened.register('test', async (_em, interaction) => void told.push(interaction));
      hooks.interactionsSettled.register('test', async (_em, interactions) => {
        if (broken) throw new Error('who waits for it cannot go on');
        told.push(...interactions);
      });
    });
    beforeEach(() => {
      told = [];
      broken = false;
    });

    it('tells them when it is asked for and when it is given, taken back or over', async () => {
      const [given, back, over] = [await asked(hive), await asked(hive), await asked(hive, { expiresInSeconds: 60 })];
      await respond(hive, given, { status: 'approved' });
      await hive.post(`/v1/interactions/${back.id}/cancellation`, {});
      await expire(hive, inSeconds(61));
      expect(told.map(({ id, status }) => [id, status])).toEqual([
        [given.id, 'pending'], [back.id, 'pending'], [over.id, 'pending'], [given.id, 'approved'], [back.id, 'cancelled'], [over.id, 'expired'],
      ]);
    });

    it('stays unanswered when they fail', async () => {
      const approval = await asked(hive);
      broken = true;
      expect((await respond(hive, approval, { status: 'approved' })).status).toBe(500);
      expect((await read(hive, approval)).status).toBe('pending');
      expect(await recorded(hive, approval.id)).toEqual(['interaction.created']);
      broken = false;
      expect((await respond(hive, approval, { status: 'approved' })).status).toBe(200);
    });
  });
});
