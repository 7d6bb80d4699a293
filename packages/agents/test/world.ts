import { CaptureSubscriber } from '@agent-hive/audit';
import { IdentityModule } from '@agent-hive/identity';
import { newId } from '@agent-hive/kernel';
import { testApp, type TestApp, type TestRequest } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import { AgentsModule, agentsDomain, type AgentsOptions } from '../src/index.js';
import type { SessionDto } from '../src/session/session.dto.js';
import type { ToolDto } from '../src/tool/tool.dto.js';

/** The domain's application over a database of its own. */
export const agentsApp = (options: AgentsOptions = {}): Promise<TestApp> =>
  testApp({ domains: [agentsDomain], modules: [IdentityModule.forRoot({ environment: 'test' }), AgentsModule.forRoot(options)], subscribers: [new CaptureSubscriber()] });

let serial = 0;

/** Registers an agent, by default a general-purpose one with a name of its own. */
export async function anAgent(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<AgentDto> {
  const made = await hive.post<AgentDto>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose', ...overrides }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** The agent with a status, by a heartbeat. */
export async function inStatus(hive: TestApp, agent: AgentDto, status: string, request: TestRequest = {}): Promise<AgentDto> {
  const answer = await hive.post(`/v1/agents/${agent.id}/heartbeat`, { status }, request);
  if (answer.status !== 200) throw new Error(`no heartbeat: ${answer.status} ${JSON.stringify(answer.body)}`);
  return { ...agent, status: status as AgentDto['status'] };
}

/** JSON Schema that tools of the tests have by default. */
export const TOOL_SCHEMA = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] };

/** Registers a tool, by default version 1.0.0 of one with a name of its own. */
export async function aTool(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<ToolDto> {
  const made = await hive.post<ToolDto>('/v1/tools', { name: `tool ${newId()}`, version: '1.0.0', schema: TOOL_SCHEMA, ...overrides }, request);
  if (made.status !== 201) throw new Error(`no tool: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Starts a session, by default one of nobody's. */
export async function aSession(hive: TestApp, overrides: object = {}, request: TestRequest = {}): Promise<SessionDto> {
  const made = await hive.post<SessionDto>('/v1/sessions', overrides, request);
  if (made.status !== 201) throw new Error(`no session: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}
