import { newId, runAs, type Principal } from '@agent-hive/kernel';
import { principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { MessagesService } from '../src/index.js';
import { anAgent, anotherServer, aSession, communicationApp, shown } from './world.js';

describe('appends that come at the same moment', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  const by = (agent: { id: string }): Principal => principal({ tenantId: hive.me.tenantId, actor: { type: 'agent', id: agent.id, name: 'agent' } });
  /** All at once, straight to the service: requests would come one after the other. */
  const together = (calls: readonly { who?: Principal; session: { id: string }; contents: string[]; facts?: string }[]) =>
    Promise.allSettled(
      calls.map(({ who = hive.me, session, contents, facts }) =>
        runAs(hive.orm.em, who, () => hive.app.get(MessagesService).appendAll(session.id, contents.map((content) => ({ role: 'user', content }))), { requestId: facts ?? null, ip: null, userAgent: null }),
      ),
    );
  const statements = async (work: () => Promise<unknown>): Promise<number> => {
    const count = async () => Number((await hive.database.execute<{ count: string }>(hive.orm, `select count(distinct xmin::text) as count from communication.message where tenant_id = '${hive.me.tenantId}'`))[0]!.count);
    const before = await count();
    await work();
    return (await count()) - before;
  };

  it('are few transactions, and each message is where and as its caller said it', async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, () => aSession(hive)));
    const made = await statements(async () => {
      const answers = await together(sessions.map((session, i) => ({ session, contents: [`${i}a`, `${i}b`], facts: `request-${i}` })));
      expect(answers.map(({ status }) => status)).toEqual(Array(30).fill('fulfilled'));
    });
    expect(made).toBeLessThan(10);
    for (const [i, session] of sessions.entries()) {
      expect((await shown(hive, session)).sort()).toEqual([`1:${i}a`, `2:${i}b`]);
      const { body } = await hive.get<{ items: { requestId: string; newState: object }[] }>(`/v1/audit/entries?sessionId=${session.id}&action=message.created`);
      expect(body.items.map(({ requestId }) => requestId)).toEqual([`request-${i}`, `request-${i}`]);
      expect(body.items.map(({ newState }) => newState)).toEqual([expect.objectContaining({ sequence: 2 }), expect.objectContaining({ sequence: 1 })]);
    }
  });

  it('to one session follow each other without a gap, and are told the sequences that they got', async () => {
    const session = await aSession(hive);
    const answers = await together(Array.from({ length: 40 }, (_, i) => ({ session, contents: [`${i}-1`, `${i}-2`, `${i}-3`] })));
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    expect(given.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
    expect((await shown(hive, session, 'limit=100&after=0')).concat(await shown(hive, session, 'limit=100&after=100'))).toEqual(given.sort((a, b) => a.sequence - b.sequence).map(({ sequence, content }) => `${sequence}:${content}`));
    expect(await read(session)).toMatchObject({ lastSequence: 120, messageCount: 120 });
    // What an answer says is what is kept.
    const last = given.find(({ sequence }) => sequence === 120)!;
    expect((await hive.get(`/v1/messages/${last.id}`)).body).toEqual(last);
  });

  const read = async (session: { id: string }) => (await hive.get(`/v1/sessions/${session.id}`)).body;

  it('are refused each for itself: the others go in', async () => {
    const [mine, theirs] = [await anAgent(hive), await anAgent(hive)];
    const [open, own, other, paused] = [await aSession(hive), await aSession(hive, { agentId: mine.id }), await aSession(hive, { agentId: theirs.id }), await aSession(hive)];
    await hive.patch(`/v1/sessions/${paused.id}`, { state: 'paused' }, { headers: { 'if-match': (await hive.get(`/v1/sessions/${paused.id}`)).headers.get('etag')! } });
    const stranger = principal();
    const answers = await together([
      { session: open, contents: ['1'] },
      { who: by(mine), session: own, contents: ['2'] },
      { who: by(mine), session: other, contents: ['never'] },
      { who: by(theirs), session: other, contents: ['3'] },
      { session: paused, contents: ['never'] },
      { session: { id: newId() }, contents: ['never'] },
      { who: stranger, session: open, contents: ['never'] },
      { who: by(theirs), session: open, contents: ['4'] },
    ]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value[0]!.content : (answer.reason as { code: string }).code))).toEqual(['1', '2', 'not-yours', '3', 'session-paused', 'not-found', 'not-found', '4']);
    expect([await shown(hive, open), await shown(hive, own), await shown(hive, other), await shown(hive, paused)]).toEqual([['2:4', '1:1'], ['1:2'], ['1:3'], []]);
  });

  it('that the database refuses take no other with them', async () => {
    const [good, bad] = [await aSession(hive), await aSession(hive)];
    const role = 'wizard' as 'user';
    const service = hive.app.get(MessagesService);
    const answers = await runAs(hive.orm.em, hive.me, () => Promise.allSettled([service.append(good.id, { role: 'user', content: 'in' }), service.append(bad.id, { role, content: 'out' }), service.append(good.id, { role: 'user', content: 'in too' })]));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([(await shown(hive, good)).map((line) => line.slice(2)).sort(), await shown(hive, bad)]).toEqual([['in', 'in too'], []]);
  });

  const onServer = testEngine() === 'server' ? it : it.skip;

  onServer('from two processes never wait for each other in a ring (needs parallel connections: server engine)', async () => {
    const other = await anotherServer(hive);
    const sessions = await Promise.all(Array.from({ length: 20 }, () => aSession(hive)));
    const post = async (baseUrl: string, session: { id: string }) => {
      const answer = await fetch(`${baseUrl}/v1/sessions/${session.id}/messages`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer test:${Buffer.from(JSON.stringify(hive.me)).toString('base64url')}` }, body: JSON.stringify({ role: 'user', content: 'x' }) });
      return answer.status;
    };
    const rounds = Array.from({ length: 200 }, (_, i) => [post(hive.baseUrl, sessions[i % 20]!), post(other.baseUrl, sessions[19 - (i % 20)]!)]).flat();
    expect(new Set(await Promise.all(rounds))).toEqual(new Set([201]));
    for (const session of sessions) expect(await read(session)).toMatchObject({ lastSequence: 20 });
    await other.close();
  });
});
