import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import type { DeliveryReportDto } from '../src/delivery/report.dto.js';
import { anAgent, communicationApp, receive, send, sweep, write } from './mail-world.js';

const MESSAGES = testEngine() === 'server' ? 400 : 120;
const SENDERS = 6;
const TAKERS = 8;

describe('a crowd at one inbox', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  it('gets every message acknowledged once, whoever dies in between, while sweeps go on', async () => {
    const [ann, bob] = [await anAgent(hive), await anAgent(hive)];
    const acknowledged = new Map<string, number>();
    const acknowledgedAttempt = new Map<string, number>();
    const late: string[] = [];
    let [sent, isSweeping] = [0, true];

    const sender = async (n: number) => {
      for (let i = n; i < MESSAGES; i += SENDERS) {
        await send(hive, ann, { toAgentId: bob.id, priority: i % 10, maxDeliveries: 100, content: i });
        sent++;
      }
    };
    const taker = async (n: number) => {
      for (let i = 0; acknowledged.size < MESSAGES; i++) {
        for (const item of await receive(hive, bob, '?limit=5&waitSeconds=1&visibilitySeconds=1')) {
          // An answer can be read later than the one of the next attempt: what counts is which was handed out last.
          if (item.attempt > (acknowledgedAttempt.get(item.messageId) ?? Infinity)) late.push(item.messageId);
          const fate = (i + n + item.attempt) % 5;
          if (fate === 0) continue; // it dies, and the visibility timeout passes
          if (fate === 1) await write(hive, item, 'rejection', { receipt: item.receipt, reason: 'busy', delaySeconds: 0 });
          else {
            const answer = await write(hive, item, 'acknowledgement', { receipt: item.receipt });
            if (answer.status === 200) {
              acknowledged.set(item.messageId, (acknowledged.get(item.messageId) ?? 0) + 1);
              acknowledgedAttempt.set(item.messageId, item.attempt);
            } else expect(answer.body.code).toBe('stale-receipt');
          }
        }
      }
    };
    const sweeper = async () => {
      while (isSweeping) {
        await sweep(hive);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const sweeping = sweeper();
    await Promise.all([...Array.from({ length: SENDERS }, (_, n) => sender(n)), ...Array.from({ length: TAKERS }, (_, n) => taker(n))]);
    isSweeping = false;
    await sweeping;

    expect(sent).toBe(MESSAGES);
    expect(late).toEqual([]);
    expect([...acknowledged.values()].filter((times) => times !== 1)).toEqual([]);
    const { body } = await hive.get<DeliveryReportDto>(`/v1/agents/${bob.id}/delivery-report`);
    expect(body).toMatchObject({ deliveries: MESSAGES, counts: { acknowledged: MESSAGES } });
    const [record] = await hive.database.execute<{ count: number; subjects: number }>(hive.orm, `select count(*)::int as count, count(distinct subject_id)::int as subjects from audit.entry where action = 'delivery.acknowledged'`);
    expect(record).toEqual({ count: MESSAGES, subjects: MESSAGES });
  }, 120_000);
});
