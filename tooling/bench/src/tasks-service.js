import { built } from './built.js';
import { INPUT, inLoops } from './tasks-loops.js';
import { openHiveHere, tasksOf } from './tasks-world.js';

const { runAs, servicePrincipal } = await built('packages/kernel/dist/index.js');
const { ClaimsService, TasksService, WorkService } = await built('packages/tasks/dist/index.js');

/** The services of the hive, called as its controllers call them: each call a unit of work of its own. */
export async function open({ url, poolMax, world, crowd }) {
  const hive = await openHiveHere(url, world.key, poolMax);
  const [tasks, claims, work] = [TasksService, ClaimsService, WorkService].map((service) => hive.app.get(service, { strict: false }));
  const caller = servicePrincipal(world.tenantId, 'bench');
  const call = (use) => runAs(hive.orm.em, caller, use);
  const task = { title: 'bench', type: 'bench', input: INPUT };
  const complete = ([first, ...others]) =>
    call(() =>
      others.length === 0
        ? work.complete(first.task.id, { fencingToken: first.fencingToken })
        : work.completeMany([first, ...others].map(({ task: { id }, fencingToken }) => ({ taskId: id, fencingToken }))));
  return {
    ...tasksOf(url, crowd),
    enqueue: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (_loop, time) => {
        await time('insert', call(() => (batch === 1 ? tasks.create(task) : tasks.createBatch(Array.from({ length: batch }, () => task)))));
        return batch;
      }),
    drain: ({ loops, batch, seconds }) =>
      inLoops(loops, seconds, async (loop, time) => {
        const { items } = await time('claim', call(() => claims.claim({ agentId: world.agentIds[loop], limit: batch })));
        if (items.length > 0) await time('complete', complete(items));
        return items.length;
      }),
    close: () => hive.close(),
  };
}
