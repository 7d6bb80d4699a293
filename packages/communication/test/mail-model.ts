import type { DeliveryState } from '../src/index.js';

/*
 * The rules of docs/mail.md once more, as plainly as they can be said: no database, no sweep, and time does at its moment
 * what it does. Moments are seconds; deliveries are known by the number of their message and their agent.
 */

/** A delivery as it is. */
export interface Delivery {
  message: number;
  agent: number;
  priority: number;
  state: DeliveryState;
  attempt: number;
  maxDeliveries: number;
  receipt: number;
  availableAt: number | null;
  expiresAt: number | null;
}

/** What an agent writes: about which delivery, off the right receipt by how much (null: without one), in whose name. */
export interface Write {
  delivery: string;
  receiptOff: number | null;
  by: number;
}

export const keyOf = ({ message, agent }: Pick<Delivery, 'message' | 'agent'>): string => `${message}/${agent}`;
export const hasEnded = ({ state }: Delivery): boolean => state !== 'pending' && state !== 'delivered';

/** One tenant's mail. */
export class MailModel {
  readonly deliveries = new Map<string, Delivery>();
  now = 0;

  /** Time passes, and does one thing after the other. */
  advance(seconds: number): void {
    this.now += seconds;
    for (const one of this.deliveries.values()) {
      if (one.state === 'delivered' && one.availableAt! <= this.now) {
        const isExpired = one.expiresAt !== null && one.expiresAt <= one.availableAt!;
        one.state = isExpired ? 'expired' : one.attempt >= one.maxDeliveries ? 'dead' : 'pending';
        one.availableAt = null;
      }
      if (one.state === 'pending' && one.expiresAt !== null && one.expiresAt <= this.now) one.state = 'expired';
      if (hasEnded(one) || (one.state === 'pending' && one.availableAt !== null && one.availableAt <= this.now)) one.availableAt = null;
    }
  }

  send(message: number, agents: readonly number[], { priority, ttl, maxDeliveries }: { priority: number; ttl: number | null; maxDeliveries: number }): void {
    for (const agent of agents) {
      const one: Delivery = { message, agent, priority, state: 'pending', attempt: 0, maxDeliveries, receipt: 0, availableAt: null, expiresAt: ttl === null ? null : this.now + ttl };
      this.deliveries.set(keyOf(one), one);
    }
  }

  /** What is handed out, in order. */
  receive(agent: number, limit: number, visibility: number): Delivery[] {
    const waiting = [...this.deliveries.values()].filter((one) => one.agent === agent && one.state === 'pending' && one.availableAt === null);
    const handed = waiting.sort((a, b) => b.priority - a.priority || a.message - b.message).slice(0, limit);
    for (const one of handed) Object.assign(one, { state: 'delivered', attempt: one.attempt + 1, receipt: one.receipt + 1, availableAt: this.now + visibility });
    return handed;
  }

  /** The code of the refusal; null when it is done. */
  acknowledge(write: Write): string | null {
    const one = this.deliveries.get(write.delivery)!;
    const refusal = refusalOf(one, write);
    if (refusal !== null) return refusal;
    if (hasEnded(one)) return one.state === 'acknowledged' ? null : 'illegal-transition';
    Object.assign(one, { state: 'acknowledged', availableAt: null });
    return null;
  }

  reject(write: Write, requeue: boolean, pause: number): string | null {
    const one = this.deliveries.get(write.delivery)!;
    const refusal = refusalOf(one, write);
    if (refusal !== null) return refusal;
    if (one.state !== 'delivered') return 'not-delivered';
    const state = !requeue ? 'rejected' : one.attempt >= one.maxDeliveries ? 'dead' : 'pending';
    Object.assign(one, { state, receipt: one.receipt + 1, availableAt: state === 'pending' && pause > 0 ? this.now + pause : null });
    this.advance(0); // its time to live may have ended in its recipient's hands
    return null;
  }

  redrive(delivery: string): string | null {
    const one = this.deliveries.get(delivery)!;
    if (one.state !== 'rejected' && one.state !== 'dead') return 'illegal-transition';
    Object.assign(one, { state: 'pending', attempt: 0, receipt: one.receipt + 1, availableAt: null, expiresAt: null });
    return null;
  }
}

function refusalOf(one: Delivery, { by, receiptOff }: Write): string | null {
  if (by !== one.agent) return 'not-yours';
  return receiptOff !== null && receiptOff !== 0 && (!hasEnded(one) || one.state === 'acknowledged') ? 'stale-receipt' : null;
}
