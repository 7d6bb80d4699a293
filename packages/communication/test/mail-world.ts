import { runAs, servicePrincipal, type Principal } from '@agent-hive/kernel';
import type { TestAnswer, TestApp, TestRequest } from '@agent-hive/kernel/testing';
import type { DeliveredDto, DeliveryDto } from '../src/delivery/delivery.dto.js';
import { MailSweepService, type SweptMail } from '../src/index.js';
import type { AgentMessageDto } from '../src/mail/agent-message.dto.js';

export { anotherServer, communicationApp } from './world.js';

/** An answer that may be a problem. */
export type Problem = { code?: string; detail?: string; errors?: { pointer: string }[] };

let serial = 0;

/** Registers an agent. */
export async function anAgent(hive: TestApp, request: TestRequest = {}): Promise<{ id: string; name: string }> {
  const made = await hive.post<{ id: string; name: string }>('/v1/agents', { name: `agent ${++serial}`, type: 'general-purpose' }, request);
  if (made.status !== 201) throw new Error(`no agent: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** Shuts an agent down. */
export const shutDown = (hive: TestApp, { id }: { id: string }) => hive.patch(`/v1/agents/${id}`, { status: 'shutdown' }, { headers: { 'if-match': '*' } });

/** The agent as a caller. */
export const by = (hive: TestApp, { id, name }: { id: string; name?: string }, overrides: Partial<Principal> = {}): TestRequest => ({
  as: { ...hive.me, actor: { type: 'agent', id, name: name ?? id }, ...overrides },
});

/** Sends a message; its type is `message` and its content something, if not told otherwise. */
export const trySend = (hive: TestApp, body: object, request: TestRequest = {}): Promise<TestAnswer<AgentMessageDto & Problem>> =>
  hive.post<AgentMessageDto & Problem>('/v1/agent-messages', { type: 'message', content: { text: `hello ${++serial}` }, ...body }, request);

/** Sends a message that arrives. */
export async function send(hive: TestApp, from: { id: string }, body: object, request: TestRequest = {}): Promise<AgentMessageDto> {
  const sent = await trySend(hive, { fromAgentId: from.id, ...body }, request);
  if (sent.status !== 201) throw new Error(`not sent: ${sent.status} ${JSON.stringify(sent.body)}`);
  return sent.body;
}

/** Takes what waits for an agent. */
export async function receive(hive: TestApp, agent: { id: string }, query = '', request: TestRequest = {}): Promise<DeliveredDto[]> {
  const answer = await hive.get<{ items: DeliveredDto[] }>(`/v1/agents/${agent.id}/inbox${query}`, request);
  if (answer.status !== 200) throw new Error(`no mail: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.items;
}

/** What an agent writes about a delivery. */
export const write = (hive: TestApp, { id }: { id: string }, verb: 'acknowledgement' | 'rejection' | 'redrive', body: object = {}, request: TestRequest = {}) =>
  hive.post<DeliveryDto & Problem>(`/v1/deliveries/${id}/${verb}`, body, request);

/** A delivery as it is. */
export const read = async (hive: TestApp, { id }: { id: string }): Promise<DeliveryDto> => (await hive.get<DeliveryDto>(`/v1/deliveries/${id}`)).body;

/** What time does, at a moment of the test's choice. */
export const sweep = (hive: TestApp, now = new Date(), tenantId = hive.me.tenantId): Promise<SweptMail> =>
  runAs(hive.orm.em, servicePrincipal(tenantId, 'job:mail'), () => hive.app.get(MailSweepService, { strict: false }).sweep(now));

/** Actions that the record has of a subject, the oldest first. */
export async function actionsOf(hive: TestApp, subjectType: string, subjectId: string): Promise<string[]> {
  const { body } = await hive.get<{ items: { action: string }[] }>(`/v1/audit/entries?subjectType=${subjectType}&subjectId=${encodeURIComponent(subjectId)}&limit=100`);
  return body.items.map((entry) => entry.action).reverse();
}

export const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
