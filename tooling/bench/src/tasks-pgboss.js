import { PgBoss } from 'pg-boss';
import { onServer, vacuum } from './servers.js';
import { INPUT, inLoops } from './tasks-loops.js';

const QUEUE = 'bench';
const CHUNK = 5_000;

/**
 * pg-boss by its own calls: send() and insert() of jobs, fetch() and complete() of one job or of a batch. What it does
 * besides (monitoring, maintenance, schedules) is off.
 */
export async function open({ url, poolMax }) {
  const boss = new PgBoss({ connectionString: url, max: poolMax, supervise: false, schedule: false });
  boss.on('error', (error) => console.error(`pg-boss: ${error}`));
  await boss.start();
  await boss.createQueue(QUEUE);
  const jobs = (amount) => Array.from({ length: amount }, () => ({ data: INPUT }));
  return {
    async fill(ready) {
      await onServer(url, (client) => client.query('truncate pgboss.job'));
      for (let left = ready; left > 0; left -= CHUNK) await boss.insert(QUEUE, jobs(Math.min(left, CHUNK)));
      await vacuum(url, 'pgboss.job');
    },
    enqueue: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async () => {
        if (batch === 1) await boss.send(QUEUE, INPUT);
        else await boss.insert(QUEUE, jobs(batch));
        return batch;
      }),
    drain: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (_loop, time) => {
        const fetched = await time('claim', boss.fetch(QUEUE, { batchSize: batch }));
        if (fetched.length > 0) await time('complete', boss.complete(QUEUE, fetched.map((job) => job.id)));
        return fetched.length;
      }),
    async tally() {
      const { rows: [row] } = await onServer(url, (client) => client.query(`select count(*)::int as created, count(*) filter (where state = 'completed')::int as completed from pgboss.job`));
      return row;
    },
    close: () => boss.stop({ graceful: false }),
  };
}
