#!/usr/bin/env node
/*
 * A worker process of `pnpm soak tasks`: loops that claim, work, give signs of life and complete, over whichever server answers.
 * Says what it learned as a line of JSON each: claimed, beat, completed, lost (its lease was another's by then), refused.
 */
import { setTimeout as pause } from 'node:timers/promises';

const { urls, key, agentId, loops, leaseSeconds, queue } = JSON.parse(process.env.SOAK_WORKER);
const BEAT_MS = (leaseSeconds * 1000) / 3;
let turn = Math.floor(Math.random() * urls.length);

const say = (event, { task, fencingToken }, more) => console.log(JSON.stringify({ event, task: task.id, token: fencingToken, ...more }));

/** An answer; null when the server is gone or too busy, in which case what was asked for may have been done. */
async function call(path, body) {
  const url = urls[turn++ % urls.length];
  try {
    const answer = await fetch(url + path, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const content = await answer.json();
    return answer.status === 503 ? null : { status: answer.status, body: content };
  } catch {
    return null; // a server was killed under it
  }
}

/** A write of who holds the task; false when it does not any more. Asked again until a server answers. */
async function write(held, verb, event) {
  for (;;) {
    const sentAt = Date.now();
    const answer = await call(`/v1/tasks/${held.task.id}/${verb}`, { fencingToken: held.fencingToken, ...(verb === 'completion' && { result: { token: held.fencingToken } }) });
    if (answer?.status === 200) say(event, held, { sentAt });
    else if (answer?.status === 409 && answer.body.code === 'lease-lost') say('lost', held, { verb });
    else if (answer) say('refused', held, { verb, status: answer.status, code: answer.body.code });
    if (answer) return answer.status === 200;
    await pause(100);
  }
}

async function work(held) {
  say('claimed', held);
  const until = Date.now() + held.task.input.milliseconds;
  for (let left; (left = until - Date.now()) > 0; ) {
    await pause(Math.min(left, BEAT_MS));
    if (Date.now() < until && !(await write(held, 'heartbeat', 'beat'))) return;
  }
  await write(held, 'completion', 'completed');
}

async function loop() {
  for (;;) {
    const answer = await call('/v1/claims', { agentId, leaseSeconds, queues: [queue], waitSeconds: 5 });
    if (answer?.status === 200) await Promise.all(answer.body.items.map(work));
    else await pause(100);
  }
}

await Promise.all(Array.from({ length: loops }, loop));
