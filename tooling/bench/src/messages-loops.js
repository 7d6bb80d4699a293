import { inLoops } from './tasks-loops.js';

/**
 * The kinds of work of the messages bench, over what a peer offers: `append(session)` and `latest(session)`. A sample tells
 * beside the rate how long the slowest twentieth took.
 */
export function messageWork(peer) {
  let ids = { full: [], empty: [] };
  const timed = (loops, seconds, step) => {
    const millis = [];
    const once = async (loop) => {
      const from = performance.now();
      await step(loop);
      millis.push(performance.now() - from);
      return 1;
    };
    return inLoops(loops, seconds, once).then((sample) => ({ ...sample, p95Millis: millis.sort((a, b) => a - b)[Math.floor(millis.length * 0.95)] }));
  };
  const any = () => ids.full[Math.floor(Math.random() * ids.full.length)];
  return {
    ...peer,
    fill: async (loops) => void (ids = await peer.fill(loops)),
    /** Each loop into a session of its own. */
    append: ({ loops, seconds }) => timed(loops, seconds, (loop) => peer.append(ids.empty[loop])),
    /** All into one session: they take turns at its row. */
    crowd: ({ loops, seconds }) => timed(loops, seconds, () => peer.append(ids.empty[0])),
    latest: ({ loops, seconds }) =>
      timed(loops, seconds, async () => {
        const count = await peer.latest(any());
        if (count !== peer.latestCount) throw new Error(`the latest are ${count}, not ${peer.latestCount}`);
      }),
  };
}
