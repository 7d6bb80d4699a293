import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, testEngine } from '@agent-hive/kernel/testing';
import { domains } from '../src/domains.js';
import { startHive, type RunningHive } from '../src/server/start.js';
import { ADMIN_KEY } from './world.js';

interface Event {
  sequence: number;
  action: string;
  subject: { type: string; id: string };
}

/** What the domains record first of each of these. */
const MADE = ['agent.created', 'tool.created', 'user.created', 'project.created', 'task.created', 'process.created', 'process_run.created', 'document.created', 'session.created', 'message.created', 'agent_message.sent', 'interaction.created'];

describe('the event feed of a hive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hive-events-'));
  const received: Event[] = [];
  let status = 500;
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      if (status === 200) received.push((JSON.parse(body) as { data: Event }).data);
      response.writeHead(status).end();
    });
  });
  let environment: Record<string, string>;
  let hive: RunningHive;
  let close = async (): Promise<void> => undefined;
  const start = () => startHive(environment, { out: () => undefined, err: () => undefined });
  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const db = testEngine() === 'server' ? await testDatabase(domains) : null;
    const where: Record<string, string> = db ? { DATABASE_URL: db.url!, HIVE_ALLOW_SUPERUSER: 'true', HIVE_POOL_MIN: '0' } : { HIVE_DATA_DIR: join(folder, 'data') };
    close = async () => db?.close();
    environment = { PORT: '0', LOG_LEVEL: 'silent', HIVE_ADMIN_KEY: ADMIN_KEY, HIVE_WEBHOOK_ALLOWED_NETWORKS: 'loopback', ...where };
    hive = await start();
  }, 60_000);
  afterAll(async () => {
    await hive.stop();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call<T = { id: string }>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(hive.url + path, { method, headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
  async function events(): Promise<Event[]> {
    const all: Event[] = [];
    for (;;) {
      const { items } = await call<{ items: Event[] }>('GET', `/v1/events?limit=100&after=${all.length}`);
      if (items.length === 0) return all;
      all.push(...items);
    }
  }
  async function until(what: string, isSo: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
    for (const end = Date.now() + seconds * 1000; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 100))) if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
  }

  it('tells of everything, whichever domain it is of, and brings it to a webhook across a failure and a restart [S1.4, S2.17]', async () => {
    const { port } = receiver.address() as AddressInfo;
    const { id: webhookId } = await call('POST', '/v1/webhooks', { url: `http://127.0.0.1:${port}/`, actions: ['*'] });
    const agent = await call('POST', '/v1/agents', { name: 'a', type: 'general-purpose' });
    const other = await call('POST', '/v1/agents', { name: 'b', type: 'general-purpose' });
    await call('POST', '/v1/tools', { name: 't', version: '1', schema: { type: 'object' } });
    await call('POST', '/v1/users', { email: 'u@example.com' });
    await call('POST', '/v1/projects', { name: 'p' });
    await call('POST', '/v1/tasks', { title: 't' });
    const process = await call('POST', '/v1/processes', { name: 'p', steps: [{ key: 'one', title: 'One' }] });
    await call('POST', `/v1/processes/${process.id}/runs`, {});
    await call('POST', '/v1/documents', { name: 'd', category: 'c', content: 'x' });
    const session = await call('POST', '/v1/sessions', {});
    await call('POST', `/v1/sessions/${session.id}/messages`, { role: 'user', content: 'hello' });
    await call('POST', '/v1/agent-messages', { fromAgentId: agent.id, toAgentId: other.id, type: 'message', content: 'hello' });
    await call('POST', '/v1/interactions', { type: 'decision_point', content: 'Which?' });
    await call('POST', '/v1/notifications', { agentId: agent.id, kind: 'message', title: 't' });
    const missing = async () => {
      const actions = new Set((await events()).map(({ action }) => action));
      return [...MADE, 'notification.created'].filter((action) => !actions.has(action));
    };
    for (const end = Date.now() + 30_000; (await missing()).length > 0 && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await missing()).toEqual([]);
    const all = await events();
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 1));
    expect(all.find(({ action }) => action === 'process.created')!.subject).toEqual({ type: 'process', id: process.id });

    await until('a failed attempt', async () => (await call<{ failures: number }>('GET', `/v1/webhooks/${webhookId}`)).failures > 0);
    expect(received).toEqual([]);
    await hive.stop();
    status = 200;
    hive = await start();
    const wanted = all.filter(({ sequence }) => sequence > (all.find(({ action }) => action === 'webhook.created')?.sequence ?? 0)).map(({ sequence }) => sequence);
    await until('every event at the receiver', () => wanted.every((sequence) => received.some((event) => event.sequence === sequence)), 60);
    // Of each subject in its order.
    const bySubject = Map.groupBy(received, ({ subject }) => `${subject.type} ${subject.id}`);
    for (const [subject, ofIt] of bySubject) expect([subject, ofIt.map(({ sequence }) => sequence)]).toEqual([subject, ofIt.map(({ sequence }) => sequence).sort((a, b) => a - b)]);
  }, 180_000);
});
