import { Socket } from 'node:net';

/** What each task is given, whichever queue it goes through. */
export const INPUT = { document: 'invoice-4711', pages: 12 };

/** How long a sample runs before it counts: connections, plans and caches are what they stay then. */
export const LEAD_SECONDS = 0.5;

let writes = 0;

/** Counts what this process writes to sockets of a port from now on: one write, however many messages, is one round trip. */
export function countWrites(port) {
  for (const method of ['_write', '_writev']) {
    const write = Socket.prototype[method];
    Socket.prototype[method] = function (...args) {
      if (this.remotePort === port) writes++;
      return write.apply(this, args);
    };
  }
}

/** Begins a sample. It is told what was done, and how long parts of it took. */
export function startSample() {
  const [utilization, writesBefore, started] = [performance.eventLoopUtilization(), writes, performance.now()];
  const phases = new Map();
  let first = null;
  let last = { count: 0, at: started };
  return {
    started,
    done(amount) {
      last = { count: last.count + amount, at: performance.now() };
      if (last.at - started >= LEAD_SECONDS * 1000) first ??= last;
    },
    async time(phase, work) {
      const from = performance.now();
      const result = await work;
      phases.set(phase, (phases.get(phase) ?? 0) + performance.now() - from);
      return result;
    },
    /** The rate from the end of the lead to the last that was done, how long this process was busy for each task (all but waiting for answers), and its round trips. */
    end() {
      const { count } = last;
      if (count === 0) throw new Error('nothing was done');
      const from = first && first !== last ? first : { count: 0, at: started };
      const each = (ms) => (ms * 1000) / count;
      return {
        count,
        perSecond: ((count - from.count) * 1000) / (last.at - from.at),
        busyMicros: each(performance.eventLoopUtilization(utilization).active),
        roundTrips: (writes - writesBefore) / count,
        phasesMicros: Object.fromEntries([...phases].map(([phase, ms]) => [phase, each(ms)])),
      };
    },
  };
}

/** Runs `step(loop, time)` again and again in several loops at once for a time; it answers how many tasks it dealt with. A loop that finds nothing ends. */
export async function inLoops(loops, seconds, step) {
  const sample = startSample();
  const deadline = sample.started + (LEAD_SECONDS + seconds) * 1000;
  const loop = async (index) => {
    while (performance.now() < deadline) {
      const amount = await step(index, sample.time);
      if (amount === 0) return;
      sample.done(amount);
    }
  };
  await Promise.all(Array.from({ length: loops }, (_, index) => loop(index)));
  return sample.end();
}
