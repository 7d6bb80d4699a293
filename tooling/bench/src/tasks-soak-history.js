import { median } from './result.js';

/**
 * What became of the tasks of a queue, by their attempts and by what workers heard. A lease ended `leaseMs` after its claim,
 * or after the last heartbeat that was answered; from there it is counted until the sweep found it, and until the next claim.
 */
export async function readHistory(client, heard, { queue, leaseMs }) {
  const { rows: tasks } = await client.query(
    `select t.id, t.status, t.fencing_token::int as token,
            (select json_agg(json_build_object('token', a.fencing_token, 'outcome', a.outcome, 'claimedAt', a.claimed_at, 'endedAt', a.ended_at) order by a.claimed_at, a.id)
               from tasks.attempt a where a.tenant_id = t.tenant_id and a.task_id = t.id) as attempts,
            (select count(*)::int from audit.entry e where e.tenant_id = t.tenant_id and e.subject_type = 'task' and e.subject_id = t.id::text and e.action = 'task.completed') as recorded
       from tasks.task t where t.queue = $1`,
    [queue],
  );
  const beats = new Map();
  for (const { event, task, token, sentAt } of heard) if (event === 'beat') beats.set(`${task} ${token}`, sentAt);
  const completions = (task) => (task.attempts ?? []).filter((attempt) => attempt.outcome === 'completed');
  const isOnce = (task) => task.status === 'completed' && completions(task).length === 1 && completions(task)[0].token === task.token && task.attempts.at(-1).token === task.token && task.recorded === 1;
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const said = (event) => heard.filter((line) => line.event === event);
  const waits = tasks.flatMap((task) => lostLeases(task, beats, leaseMs));
  return {
    tasks: tasks.length,
    completedOnce: tasks.filter(isOnce).length,
    lost: tasks.filter((task) => task.status !== 'completed').length,
    duplicated: tasks.filter((task) => completions(task).length > 1).length,
    tokensOutOfOrder: tasks.filter((task) => !(task.attempts ?? []).every((attempt, i) => attempt.token === i + 1)).length,
    /** Told to a worker, and not so: none may be. */
    acknowledgedLost: said('completed').filter(({ task, token }) => completions(byId.get(task))[0]?.token !== token).length,
    acknowledged: said('completed').length,
    attempts: tasks.reduce((sum, task) => sum + (task.attempts ?? []).length, 0),
    leasesLost: waits.length,
    leaseLostAnswers: said('lost').length,
    refused: said('refused').length,
    rescuedMs: spread(waits.map((wait) => wait.rescuedMs)),
    reclaimedMs: spread(waits.map((wait) => wait.reclaimedMs)),
  };
}

/** For each lease of a task that ran out, how long after its end it was found, and the task at work again. */
function lostLeases({ id, attempts }, beats, leaseMs) {
  return (attempts ?? []).flatMap(({ token, outcome, claimedAt, endedAt }, i) => {
    if (outcome !== 'expired') return [];
    const end = Math.max(Date.parse(claimedAt), beats.get(`${id} ${token}`) ?? 0) + leaseMs;
    const next = attempts[i + 1];
    return [{ rescuedMs: Date.parse(endedAt) - end, reclaimedMs: next ? Date.parse(next.claimedAt) - end : Infinity }];
  });
}

const spread = (values) => (values.length === 0 ? { min: 0, median: 0, max: 0 } : { min: Math.min(...values), median: median(values), max: Math.max(...values) });
