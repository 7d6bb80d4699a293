/* The process of one peer of the benches of tasks, of messages and of sealing: opens it, and takes samples of it, one at a time. */
import { servePeer } from './peer-process.js';
import { countWrites } from './tasks-loops.js';

const opened = { peer: null };

const methods = {
  async open({ module, ...options }) {
    countWrites(Number(new URL(options.url).port || 5432));
    opened.peer = await (await import(module)).open(options);
  },
  fill: (ready) => opened.peer.fill(ready),
  /** Does a sample of work, and counts in the database whether it was done. */
  async sample({ kind, ...how }) {
    const since = new Date();
    const sample = await opened.peer[kind](how);
    const found = await opened.peer.tally(since);
    for (const what of EXPECTED[kind]) if (found[what] !== undefined && found[what] !== sample.count) throw new Error(`${kind}: for ${sample.count} done there are ${found[what]} ${what}`);
    return sample;
  },
};

/** What a database that tells it has one of for each task. */
const EXPECTED = {
  latest: [], append: ['created', 'createdEntries'], crowd: ['created', 'createdEntries'], enqueue: ['created', 'createdEntries'], drain: ['completed', 'attempts', 'claimedEntries', 'completedEntries'],
  entry: ['entries'], pending: ['entries', 'pending'], chain: ['entries', 'links'],
};

servePeer(methods, async () => opened.peer?.close());
