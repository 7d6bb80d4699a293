import { randomInt } from 'node:crypto';
import { HiveError, runAs } from '@agent-hive/kernel';
import { principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import { AgentMessagesService, DeliveriesService, InboxService, MailSweepService, type DeliveryState } from '../src/index.js';
import { TopicsService } from '../src/topic/topics.service.js';
import { hasEnded, keyOf, MailModel, type Delivery, type Write } from './mail-model.js';
import { anAgent, communicationApp } from './mail-world.js';

/** A server does many more in the same time. */
const STEPS = Number(process.env.HIVE_TEST_STEPS ?? (testEngine() === 'server' ? 4_000 : 400));
/** After so many, a new tenant: the fewer there are, the more often operations meet. */
const STEPS_OF_A_TENANT = 250;
const AGENTS = 3;
const TOPIC = 'news';
/** Agents that are subscribed to it. */
const SUBSCRIBERS = [0, 1];
const COMPARED_EVERY = 10;

type Operation =
  | { do: 'send'; to: number | 'topic'; priority: number; ttl: number | null; maxDeliveries: number }
  | { do: 'receive'; agent: number; limit: number; visibility: number }
  | ({ do: 'acknowledge' } & Write)
  | ({ do: 'reject'; requeue: boolean; pause: number } & Write)
  | { do: 'redrive'; delivery: string }
  | { do: 'pass'; seconds: number }
  | { do: 'sweep' };

describe('mail and the model of its rules', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await communicationApp();
  });
  afterAll(() => hive.close());

  it(`never part, in ${STEPS.toLocaleString('en')} random operations: nothing acknowledged comes again, nothing else is lost (HIVE_TEST_SEED repeats them)`, async () => {
    const seed = Number(process.env.HIVE_TEST_SEED ?? randomInt(2 ** 31));
    process.stdout.write(`mail model: seed ${seed}, ${STEPS} operations on the ${testEngine()} engine\n`);
    const dice = diceOf(seed);
    for (let step = 0; step < STEPS; step += STEPS_OF_A_TENANT) {
      const trial = await Trial.begin(hive);
      const done: Operation[] = [];
      try {
        for (let i = 1; i <= STEPS_OF_A_TENANT; i++) {
          const operation = next(trial.model, dice);
          done.push(operation);
          await trial.perform(operation);
          if (i % COMPARED_EVERY === 0) await trial.compare();
        }
        await trial.drain();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step + done.length}: ${String(error)}\n${done.slice(-60).map((operation) => JSON.stringify(operation)).join('\n')}`, { cause: error });
      }
    }
  }, STEPS * 200 + 60_000);
});

/** Numbers from 0 up to the one given, that a seed decides: mulberry32 (Tommy Ettinger, public domain). */
function diceOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** What to do next: mostly what is allowed, sometimes what is not. */
function next(model: MailModel, dice: (below: number) => number): Operation {
  const all = [...model.deliveries.values()];
  const pick = <T>(values: readonly T[]): T => values[dice(values.length)]!;
  const one = (isWanted: (delivery: Delivery) => boolean): Delivery => {
    const wanted = all.filter(isWanted);
    return pick(wanted.length > 0 && dice(10) > 0 ? wanted : all);
  };
  const write = (isWanted: (delivery: Delivery) => boolean): Write => {
    const delivery = one(isWanted);
    return { delivery: keyOf(delivery), receiptOff: pick([null, 0, 0, 0, 0, -1, 1]), by: dice(12) === 0 ? dice(AGENTS) : delivery.agent };
  };
  const isHeld = ({ state }: Delivery) => state === 'delivered';
  const kind = all.length === 0 ? 0 : dice(100);
  if (kind < 26) return { do: 'send', to: pick<number | 'topic'>([0, 1, 2, 'topic']), priority: dice(3), ttl: pick([null, null, 10, 100]), maxDeliveries: 1 + dice(3) };
  if (kind < 50) return { do: 'receive', agent: dice(AGENTS), limit: 1 + dice(4), visibility: pick([5, 20, 60]) };
  if (kind < 66) return { do: 'acknowledge', ...write(isHeld) };
  if (kind < 78) return { do: 'reject', requeue: dice(4) > 0, pause: pick([0, 10, 60]), ...write(isHeld) };
  if (kind < 83) return { do: 'redrive', delivery: keyOf(one(({ state }) => state === 'dead' || state === 'rejected')) };
  // A crash is time that passes while a delivery is in somebody's hands.
  return kind < 94 ? { do: 'pass', seconds: pick([1, 5, 5, 10, 20, 60, 100]) } : { do: 'sweep' };
}

/** A tenant of its own, beside its model. */
class Trial {
  readonly model = new MailModel();
  private readonly ids = new Map<string, string>();
  private readonly acknowledged = new Set<string>();
  private readonly begun = Date.now();
  private serial = 0;

  private constructor(
    private readonly hive: TestApp,
    private readonly as: ReturnType<typeof principal>,
    private readonly agents: readonly string[],
  ) {}

  static async begin(hive: TestApp): Promise<Trial> {
    const as = principal();
    const agents: string[] = [];
    for (let i = 0; i < AGENTS; i++) agents.push((await anAgent(hive, { as })).id);
    const trial = new Trial(hive, as, agents);
    await trial.run(() => trial.get(TopicsService).upsert(TOPIC, {}));
    for (const agent of SUBSCRIBERS) await trial.run(() => trial.get(TopicsService).subscribe(TOPIC, agents[agent]!));
    return trial;
  }

  async perform(operation: Operation): Promise<void> {
    const { model, now } = this;
    switch (operation.do) {
      case 'send':
        return this.send(operation);
      case 'receive':
        return this.receive(operation.agent, operation.limit, operation.visibility);
      case 'acknowledge': {
        const code = await settled(this.run(() => this.get(DeliveriesService).acknowledge(this.id(operation), this.written(operation), now)));
        this.judge(code, model.acknowledge(operation));
        if (code === null) this.acknowledged.add(operation.delivery);
        return;
      }
      case 'reject': {
        const body = { ...this.written(operation), reason: 'a reason', requeue: operation.requeue, delaySeconds: operation.pause };
        return this.judge(await settled(this.run(() => this.get(DeliveriesService).reject(this.id(operation), body, now))), model.reject(operation, operation.requeue, operation.pause));
      }
      case 'redrive':
        return this.judge(await settled(this.run(() => this.get(DeliveriesService).redrive(this.id(operation), now))), model.redrive(operation.delivery));
      case 'pass':
        return model.advance(operation.seconds);
      case 'sweep':
        await this.run(() => this.get(MailSweepService).sweep(now));
    }
  }

  /** Every delivery of the database is as the model has it, and there is no other. */
  async compare(): Promise<void> {
    const rows = await this.hive.database.execute<{ id: string }>(this.hive.orm, `select id from communication.delivery where tenant_id = '${this.as.tenantId}'`);
    if (rows.length !== this.model.deliveries.size) throw new Error(`${rows.length} deliveries, by the model ${this.model.deliveries.size}`);
    for (const [key, one] of this.model.deliveries) {
      const is = await this.run(() => this.get(DeliveriesService).get(this.ids.get(key)!, this.now));
      const due = one.availableAt === null ? null : new Date(this.begun + one.availableAt * 1000).toISOString();
      const [actual, expected] = [[is.state, is.attempt, is.availableAt], [one.state, one.attempt, due]].map((state) => JSON.stringify(state));
      if (actual !== expected) throw new Error(`delivery ${key} is ${actual}, by the model ${expected}`);
    }
  }

  /** Whoever takes everything from now on gets all that has not ended, and nothing that was acknowledged. */
  async drain(): Promise<void> {
    this.model.advance(1_000);
    const open = [...this.model.deliveries.values()].filter((one) => !hasEnded(one)).map(keyOf);
    for (let agent = 0; agent < AGENTS; agent++) await this.receive(agent, 100, 60);
    const taken = [...this.model.deliveries.values()].filter((one) => one.state === 'delivered').map(keyOf);
    if (taken.sort().join() !== open.sort().join()) throw new Error(`${open.join()} had not ended, and ${taken.join()} came`);
    await this.compare();
  }

  private async send({ to, priority, ttl, maxDeliveries }: Operation & { do: 'send' }): Promise<void> {
    const message = ++this.serial;
    const agents = to === 'topic' ? SUBSCRIBERS : [to];
    const address = to === 'topic' ? { topic: TOPIC } : { toAgentId: this.agents[to]! };
    const body = { fromAgentId: this.agents[0]!, ...address, type: 'message' as const, content: message, priority, maxDeliveries, ...(ttl !== null && { ttlSeconds: ttl }) };
    const { id, recipientCount } = await this.run(() => this.get(AgentMessagesService).send(body, this.now));
    if (recipientCount !== agents.length) throw new Error(`sent to ${recipientCount}, not to ${agents.length}`);
    this.model.send(message, agents, { priority, ttl, maxDeliveries });
    const { items } = await this.run(() => this.get(DeliveriesService).listByMessage(id, { limit: 100 }));
    for (const item of items) this.ids.set(`${message}/${this.agents.indexOf(item.agentId)}`, item.id);
  }

  private async receive(agent: number, limit: number, visibility: number): Promise<void> {
    const items = await this.run(() => this.get(InboxService).take(this.agents[agent]!, { limit, visibilitySeconds: visibility }, this.now));
    const expected = this.model.receive(agent, limit, visibility);
    const text = (rows: [number, number, number][]) => JSON.stringify(rows);
    const [actual, wanted] = [text(items.map((item) => [item.message!.content as number, item.attempt, item.receipt])), text(expected.map((one) => [one.message, one.attempt, one.receipt]))];
    if (actual !== wanted) throw new Error(`agent ${agent} was handed ${actual}, by the model ${wanted}`);
    const again = expected.map(keyOf).find((key) => this.acknowledged.has(key));
    if (again) throw new Error(`${again} was acknowledged, and came again`);
  }

  private judge(code: string | null, expected: string | null): void {
    if (code !== expected) throw new Error(`answered ${code ?? 'well'}, by the model ${expected ?? 'well'}`);
  }

  private id({ delivery }: { delivery: string }): string {
    return this.ids.get(delivery)!;
  }

  private written({ delivery, receiptOff, by }: Write): { agentId: string; receipt?: number } {
    return { agentId: this.agents[by]!, ...(receiptOff !== null && { receipt: this.model.deliveries.get(delivery)!.receipt + receiptOff }) };
  }

  private get now(): Date {
    return new Date(this.begun + this.model.now * 1000);
  }

  private get<T>(service: abstract new (...args: never[]) => T): T {
    return this.hive.app.get(service, { strict: false });
  }

  private run<T>(work: () => Promise<T>): Promise<T> {
    return runAs(this.hive.orm.em, this.as, work);
  }
}

/** The code of a refusal, or null. */
async function settled(answer: Promise<{ state: DeliveryState }>): Promise<string | null> {
  try {
    await answer;
    return null;
  } catch (error) {
    if (error instanceof HiveError) return error.code;
    throw error;
  }
}
