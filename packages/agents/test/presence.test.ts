import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import { PresenceService } from '../src/index.js';
import type { AgentDto } from '../src/agent/agent.dto.js';
import { AGENT_STATUSES, STATUS_TRANSITIONS } from '../src/presence/presence.entity.js';
import { agentsApp, anAgent, inStatus } from './world.js';

interface Change {
  from: string;
  to: string;
  reason: string | null;
  byName: string;
  at: string;
}

describe('presence', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const beat = (agent: Pick<AgentDto, 'id'>, body: object = {}) => hive.post(`/v1/agents/${agent.id}/heartbeat`, body);
  const read = async (agent: AgentDto) => (await hive.get<AgentDto>(`/v1/agents/${agent.id}`)).body;
  const changes = async (agent: AgentDto) => (await hive.get<{ items: Change[] }>(`/v1/agents/${agent.id}/status-changes`)).body.items;

  it('takes a heartbeat without moving the version, and keeps the last metrics', async () => {
    const agent = await anAgent(hive);
    const first = await beat(agent, { status: 'active', metrics: { memoryMb: 12 } });
    expect(first.body).toMatchObject({ agentId: agent.id, status: 'active', metrics: { memoryMb: 12 } });
    expect((await beat(agent)).body).toMatchObject({ status: 'active', metrics: { memoryMb: 12 } });
    const now = await read(agent);
    expect(now).toMatchObject({ status: 'active', isActive: true, version: 1, updatedAt: agent.updatedAt });
    expect(Date.now() - Date.parse(now.lastHeartbeatAt!)).toBeLessThan(10_000);
  });

  it('has exactly the six statuses, and moves only along the table, from each to each [S1.33, S3.27, S4.21]', async () => {
    expect([...AGENT_STATUSES]).toEqual(['initializing', 'active', 'idle', 'busy', 'error', 'shutdown']);
    const path: Record<string, string[]> = { initializing: [], active: ['active'], idle: ['idle'], busy: ['busy'], error: ['error'], shutdown: ['shutdown'] };
    for (const from of AGENT_STATUSES) {
      for (const to of AGENT_STATUSES.filter((status) => status !== from)) {
        const agent = await anAgent(hive);
        for (const step of path[from]!) await inStatus(hive, agent, step);
        const answer = await beat(agent, { status: to });
        if (STATUS_TRANSITIONS[from].includes(to)) {
          expect(answer.body).toMatchObject({ status: to });
        } else {
          expect(answer.body).toMatchObject({ status: 409, code: 'illegal-transition', from, to, allowed: STATUS_TRANSITIONS[from] });
          expect((await read(agent)).status).toBe(from);
        }
      }
    }
  });

  it('keeps every change with from, to, reason, by and when; a heartbeat that changes nothing leaves no trace', async () => {
    const agent = await anAgent(hive);
    await beat(agent, { status: 'active', reason: 'ready' });
    await beat(agent);
    await hive.patch(`/v1/agents/${agent.id}`, { status: 'idle', statusReason: 'paused' }, { headers: { 'if-match': '"1"' } });
    expect(await changes(agent)).toMatchObject([
      { from: 'active', to: 'idle', reason: 'paused', byName: 'test' },
      { from: 'initializing', to: 'active', reason: 'ready' },
    ]);
    const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectId=${agent.id}&action=agent.status_changed`);
    expect(body.items).toHaveLength(2);
    expect(await read(agent)).toMatchObject({ status: 'idle', statusReason: 'paused', version: 2 });
  });

  it('says why the status is what it is, when only that changes, and keeps it in the record', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'busy');
    await beat(agent, { status: 'busy', reason: 'task 7' });
    await beat(agent, { status: 'busy', reason: 'task 7' });
    const answer = await hive.patch(`/v1/agents/${agent.id}`, { statusReason: 'task 8' }, { headers: { 'if-match': '"1"' } });
    expect(answer.body).toMatchObject({ status: 'busy', statusReason: 'task 8', version: 2 });
    expect(await changes(agent)).toHaveLength(1);
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${agent.id}&action=agent.status_reason_changed`);
    expect(body.items).toMatchObject([
      { previousState: { statusReason: 'task 7' }, newState: { statusReason: 'task 8' }, agentId: agent.id },
      { previousState: { statusReason: null }, newState: { statusReason: 'task 7' } },
    ]);
  });

  it('counts the changes of an agent when asked', async () => {
    const agent = await anAgent(hive);
    for (const status of ['active', 'idle', 'busy']) await beat(agent, { status });
    const page = await hive.get<{ items: Change[] }>(`/v1/agents/${agent.id}/status-changes?limit=1&total=true`);
    expect(page.body).toMatchObject({ items: [{ to: 'busy' }], total: 3 });
    expect((await hive.get(`/v1/agents/${(await anAgent(hive)).id}/status-changes?total=true`)).body).toMatchObject({ items: [], total: 0 });
  });

  it('leaves an unbroken chain of changes under 40 parallel heartbeats, in the order of the list and of the clock', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'active');
    const statuses = ['idle', 'busy', 'active'];
    await Promise.all(Array.from({ length: 40 }, (_, i) => beat(agent, { status: statuses[i % 3] })));
    const { items } = (await hive.get<{ items: Change[] }>(`/v1/agents/${agent.id}/status-changes?limit=100`)).body;
    const chain = items.reverse();
    expect(chain.map((change) => change.from)).toEqual(['initializing', ...chain.slice(0, -1).map((change) => change.to)]);
    expect((await read(agent)).status).toBe(chain.at(-1)!.to);
    const times = chain.map((change) => Date.parse(change.at));
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
  });

  it('never goes back in time, though the clock of one process is behind that of another', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'active');
    const ahead = new Date(Date.now() + 60_000).toISOString();
    await hive.database.execute(hive.orm, `update agents.presence set status_changed_at = '${ahead}', last_heartbeat_at = '${ahead}' where agent_id = '${agent.id}'`);
    const { body } = await beat(agent, { status: 'idle' });
    expect(body.lastHeartbeatAt).toBe(ahead);
    expect(Date.parse(String(body.statusChangedAt))).toBeGreaterThan(Date.parse(ahead));
  });

  it('refuses a sign of life of a shut-down agent until it initializes again', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'shutdown');
    expect((await beat(agent)).body).toMatchObject({ status: 409, code: 'agent-shutdown' });
    expect((await beat(agent, { status: 'initializing' })).body).toMatchObject({ status: 'initializing' });
  });

  it('lets an agent speak for itself only', async () => {
    const agent = await anAgent(hive);
    const as = (id: string) => principal({ tenantId: hive.me.tenantId, actor: { type: 'agent', id, name: 'a' }, scopes: ['agents:heartbeat'] });
    expect((await hive.post(`/v1/agents/${agent.id}/heartbeat`, {}, { as: as(newId()) })).body).toMatchObject({ status: 403, code: 'not-yours' });
    expect((await hive.post(`/v1/agents/${agent.id}/heartbeat`, {}, { as: as(agent.id) })).status).toBe(200);
  });

  it.each([
    ['an unknown agent', () => newId(), {}, 404],
    ['a malformed id', () => 'x', {}, 422],
  ])('refuses %s', async (_, id, body, status) => {
    expect((await beat({ id: id() }, body)).status).toBe(status);
    expect((await hive.get(`/v1/agents/${id()}/status-changes`)).status).toBe(status);
  });

  it.each([
    ['an unknown status', { status: 'asleep' }],
    ['metrics that are no object', { metrics: [1] }],
    ['metrics over 16 KiB', { metrics: { log: 'x'.repeat(16_384) } }],
  ])('refuses %s', async (_, body) => {
    expect((await beat(await anAgent(hive), body)).status).toBe(422);
  });

  describe('stale detection', () => {
    const sweep = (staleAfterSeconds: number, now: Date, tenantId = hive.me.tenantId) =>
      runAs(hive.orm.em, servicePrincipal(tenantId, 'job:presence'), () => hive.app.get(PresenceService, { strict: false }).sweep(staleAfterSeconds, now));

    it('marks the silent, once, and leaves alone who never spoke, is shut down, or belongs to another tenant', async () => {
      const silent = await inStatus(hive, await anAgent(hive), 'busy');
      const mute = await anAgent(hive);
      const down = await inStatus(hive, await anAgent(hive), 'shutdown');
      const other = principal();
      const foreign = await inStatus(hive, await anAgent(hive, {}, { as: other }), 'active', { as: other });
      const later = new Date(Date.now() + 100_000);
      expect(await sweep(90, later)).toBeGreaterThanOrEqual(1);
      expect(await sweep(90, later)).toBe(0);
      expect(await read(silent)).toMatchObject({ status: 'error', statusReason: 'stale_heartbeat', isActive: false, version: 1 });
      expect((await changes(silent))[0]).toMatchObject({ from: 'busy', to: 'error', reason: 'stale_heartbeat', byName: 'job:presence' });
      expect([(await read(mute)).status, (await read(down)).status]).toEqual(['initializing', 'shutdown']);
      expect((await hive.get(`/v1/agents/${foreign.id}`, { as: other })).body).toMatchObject({ status: 'active' });
    });

    it('ends with the next heartbeat', async () => {
      const agent = await inStatus(hive, await anAgent(hive), 'active');
      await sweep(90, new Date(Date.now() + 100_000));
      expect((await beat(agent)).body).toMatchObject({ status: 'active', statusReason: null });
    });

    it('marks 1,200 agents in one call, each with its change and entry', async () => {
      const me = principal();
      const ids = Array.from({ length: 1200 }, () => newId());
      await hive.database.execute(
        hive.orm,
        `with ids as (select unnest('{${ids.join(',')}}'::uuid[]) as id), a as (
           insert into agents.agent (tenant_id, id, name, type, created_at, updated_at) select '${me.tenantId}', id, 'a', 'general-purpose', now(), now() from ids)
         insert into agents.presence (tenant_id, agent_id, status, status_changed_at, last_heartbeat_at, heartbeat_count)
         select '${me.tenantId}', id, 'active', now(), now() - interval '1 hour', 1 from ids`,
      );
      expect(await sweep(90, new Date(), me.tenantId)).toBe(1200);
      const { body } = await hive.get('/v1/audit/entries?action=agent.status_changed&total=true&limit=1', { as: me });
      expect(body).toMatchObject({ total: 1200 });
    });
  });
});
