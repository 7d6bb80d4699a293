import type { TestApp } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import { agentsApp, anAgent, aTool, inStatus } from './world.js';

describe('the end of an agent', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const end = (agent: AgentDto) => hive.delete(`/v1/agents/${agent.id}`, { headers: { 'if-match': '*' } });

  it('takes along what hangs on it, and the record keeps how much that was', async () => {
    const agent = await inStatus(hive, await anAgent(hive), 'active');
    const tool = await aTool(hive);
    await hive.put(`/v1/agents/${agent.id}/instructions`, { purpose: 'p' });
    await hive.put(`/v1/agents/${agent.id}/instructions/capabilities`, { items: [{ capabilityName: 'a' }, { capabilityName: 'b' }] });
    await hive.put(`/v1/agents/${agent.id}/tools/${tool.id}`, {});
    expect((await end(agent)).status).toBe(204);
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectId=${agent.id}&action=agent.cascaded`);
    expect(body.items).toMatchObject([
      {
        agentId: agent.id,
        details: {
          counts: {
            'agents.presence': 1, 'agents.status_change': 1, 'agents.workload': 0, 'agents.instruction': 1, 'agents.capability': 2, 'agents.knowledge_domain': 0,
            'agents.prompt_template': 0, 'agents.tool_grant': 1, 'agents.mcp_server_assignment': 0,
          },
        },
      },
    ]);
  });

  it('closes its API keys, and the record says so', async () => {
    const agent = await anAgent(hive);
    const key = (await hive.post<{ id: string }>('/v1/api-keys', { name: 'k', scopes: [], agentId: agent.id })).body;
    const closed = (await hive.post<{ id: string }>('/v1/api-keys', { name: 'k', scopes: [], agentId: agent.id })).body;
    await hive.delete(`/v1/api-keys/${closed.id}`);
    expect((await end(agent)).status).toBe(204);
    expect((await hive.get(`/v1/api-keys/${key.id}`)).body).toMatchObject({ agentId: agent.id, revokedAt: expect.any(String) });
    const { body } = await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectType=api_key&subjectId=${key.id}&action=api_key.updated`);
    expect(body.items).toMatchObject([{ agentId: agent.id, newState: { revokedAt: expect.any(String) } }]);
  });

  it('leaves no key behind that is made meanwhile', async () => {
    for (let i = 0; i < 10; i++) {
      const agent = await anAgent(hive);
      const [made, gone] = await Promise.all([hive.post<{ id: string }>('/v1/api-keys', { name: 'k', scopes: [], agentId: agent.id }), end(agent)]);
      expect([[201, 204], [404, 204]]).toContainEqual([made.status, gone.status]);
      if (made.status === 201) expect((await hive.get(`/v1/api-keys/${made.body.id}`)).body.revokedAt).not.toBeNull();
    }
  });

  it('leaves no key behind that takes the place of another meanwhile', async () => {
    for (let i = 0; i < 10; i++) {
      const agent = await anAgent(hive);
      const key = (await hive.post<{ id: string }>('/v1/api-keys', { name: 'k', scopes: [], agentId: agent.id })).body;
      const rotate = () => hive.post<{ id: string }>(`/v1/api-keys/${key.id}/rotation`, { overlapSeconds: 60 });
      const [first, second, gone] = await Promise.all([rotate(), rotate(), end(agent)]);
      expect(gone.status).toBe(204);
      for (const made of [first, second]) if (made.status === 201) expect((await hive.get(`/v1/api-keys/${made.body.id}`)).body.revokedAt).not.toBeNull();
    }
  });

  it('leaves no history behind that is written meanwhile', async () => {
    for (let i = 0; i < 20; i++) {
      const agent = await anAgent(hive);
      const action = { agentId: agent.id, actionType: 'file.deleted', actionDetails: {}, riskLevel: 'low' };
      const [written, gone] = await Promise.all([hive.post('/v1/audit/entries', action), end(agent)]);
      expect([[201, 409], [404, 204]]).toContainEqual([written.status, gone.status]);
    }
  });

  it('does not stand in the way of heartbeats', async () => {
    for (let i = 0; i < 10; i++) {
      const agent = await inStatus(hive, await anAgent(hive), 'active');
      const beats = ['idle', 'busy', 'active'].map((status) => hive.post(`/v1/agents/${agent.id}/heartbeat`, { status }));
      const [gone, ...answers] = await Promise.all([end(agent), ...beats]);
      expect(gone.status).toBe(204);
      for (const { status } of answers) expect([200, 404]).toContain(status);
    }
  });
});
