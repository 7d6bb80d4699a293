import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';
import { onServer, vacuum } from './servers.js';
import { INPUT, inLoops, LEAD_SECONDS, startSample } from './tasks-loops.js';

const TASK = 'bench';
const CHUNK = 5_000;
const logger = new Logger(() => () => undefined);

/**
 * graphile-worker with as many workers as loops and a task that does nothing. It has no claim of several jobs: they are
 * fetched and completed one by one, or, with `batching`, by its local queue and its batched completion. A worker of it
 * does not wait for the completion of its last job before it asks for the next.
 */
export async function open({ url, poolMax, batching = false }) {
  const pgPool = poolOf(url, poolMax);
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const jobs = (amount) => Array.from({ length: amount }, () => ({ identifier: TASK, payload: INPUT }));
  let filled = 0;
  return {
    async fill(ready) {
      await onServer(url, (client) => client.query('truncate graphile_worker._private_jobs'));
      for (let left = ready; left > 0; left -= CHUNK) await utils.addJobs(jobs(Math.min(left, CHUNK)));
      await vacuum(url, 'graphile_worker._private_jobs');
      filled = ready;
    },
    enqueue: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async () => {
        if (batch === 1) await utils.addJob(TASK, INPUT);
        else await utils.addJobs(jobs(batch));
        return batch;
      }),
    drain: ({ loops, batch, seconds }) => drain({ url, poolMax, loops, seconds, worker: batching ? { localQueue: { size: loops * batch }, completeJobBatchDelay: 0 } : {} }),
    async tally() {
      const { rows: [{ present }] } = await onServer(url, (client) => client.query('select count(*)::int as present from graphile_worker._private_jobs'));
      return { created: present, completed: filled - present }; // it deletes what is done
    },
    async close() {
      await utils.release();
      await pgPool.end();
    },
  };
}

function poolOf(url, max) {
  const pool = new pg.Pool({ connectionString: url, max });
  const report = (error) => console.error(`graphile-worker: ${error}`);
  pool.on('error', report);
  pool.on('connect', (client) => client.on('error', report));
  return pool;
}

/** A job counts when it starts, since nobody waits for its completion; those under way when the runner has stopped are awaited here. */
async function drain({ url, poolMax, loops, seconds, worker }) {
  const pgPool = poolOf(url, poolMax + 1); // one of them only listens
  const sample = startSample();
  const runner = await run({ pgPool, logger, noHandleSignals: true, taskList: { [TASK]: () => sample.done(1) }, parsedCronItems: [], preset: { worker: { concurrentJobs: loops, ...worker } } });
  await new Promise((resolve) => setTimeout(resolve, (LEAD_SECONDS + seconds) * 1000));
  await runner.stop();
  while (pgPool.waitingCount > 0 || pgPool.idleCount < pgPool.totalCount) await new Promise((resolve) => setTimeout(resolve, 5));
  await pgPool.end();
  return sample.end();
}
