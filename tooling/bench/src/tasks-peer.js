/*
 * The process of one peer of the benches of tasks and of messages: opens it, and does what the bench asks by messages, one at a time.
 * It ends when it is told to, or when the bench is gone.
 */
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
    for (const what of EXPECTED[kind]) if (found[what] !== undefined && found[what] !== sample.count) throw new Error(`${kind}: for ${sample.count} tasks there are ${found[what]} ${what}`);
    return sample;
  },
};

/** What a database that tells it has one of for each task. */
const EXPECTED = { latest: [], append: ['created', 'createdEntries'], crowd: ['created', 'createdEntries'], enqueue: ['created', 'createdEntries'], drain: ['completed', 'attempts', 'claimedEntries', 'completedEntries'] };

async function end(code) {
  await opened.peer?.close();
  process.exit(code);
}

process.on('message', ({ id, method, argument }) => {
  if (method === 'close') return void end(0);
  methods[method](argument).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: error.stack }),
  );
});
process.on('disconnect', () => void end(1));
process.on('SIGTERM', () => void end(143));
process.on('SIGINT', () => undefined); // the terminal tells the bench as well, which then closes this
