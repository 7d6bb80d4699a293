import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { openHives } from './hives.js';
import { onServer } from './servers.js';

const GIVE_UP_MS = 5 * 60_000;
const BETWEEN_KILLS_MS = 1_500;
/** For how long a transaction holds an entry back, so that ids behind it are sealed before. */
const LATE_MS = 4_000;

/** Reports actions of an agent at one of the hives after the other until it is told to stop; keeps the ids that were acknowledged. */
async function writer(hives, agentId, isOver, acknowledged) {
  for (let n = Math.floor(Math.random() * hives.urls.length); !isOver(); n++) {
    const url = hives.urls[n % hives.urls.length];
    const body = JSON.stringify({ agentId, actionType: 'soak.done', actionDetails: { n }, riskLevel: 'low' });
    const headers = { authorization: `Bearer ${hives.key}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const answer = await fetch(`${url}/v1/audit/entries`, { method: 'POST', headers, body }).catch(() => null); // killed, or not there yet
    if (answer?.status === 201) acknowledged.add((await answer.json()).id);
    else if (answer && answer.status < 500) throw new Error(`POST answered ${answer.status}: ${await answer.text()}`);
    else await pause(20);
  }
}

/** Entries that commit long after their ids were minted, written past the hives. */
async function lateWriter(url, tenantId, agentId, isOver, acknowledged) {
  await onServer(url, async (client) => {
    while (!isOver()) {
      await client.query('begin');
      const { rows } = await client.query(
        `insert into audit.entry (tenant_id, id, occurred_at, actor_type, actor_name, action, subject_type, subject_id)
         select $1, kernel.id_floor(clock_timestamp()), clock_timestamp(), 'service', 'soak', 'soak.late', 'agent', $2 returning id`, [tenantId, agentId]);
      await pause(LATE_MS);
      await client.query('commit');
      acknowledged.add(rows[0].id);
    }
  });
}

/** Every event of the tenant, in the order of the feed. */
async function* events(hives) {
  for (let after = 0, page; ; after = page.items.at(-1).sequence) {
    page = await hives.call('GET', `/v1/events?limit=100&after=${after}`);
    yield* page.items;
    if (page.items.length === 0) return;
  }
}

/**
 * Several hives seal one tenant's record and are killed while they do. In the end every entry must be in the log once, acknowledged
 * ones and late ones too, without a gap in the sequence, and the log must verify.
 */
export async function sealSoak(engine, number) {
  const [servers, clients, kills] = [number('servers', 3), number('clients', 16), number('kills', 10)];
  const hives = await openHives(servers);
  try {
    const agent = await hives.call('POST', '/v1/agents', { name: 'writer', type: 'general-purpose' });
    const { tenantId } = await hives.call('GET', '/v1/me');
    const acknowledged = new Set();
    const started = Date.now();
    let isOver = false;
    const writing = [...Array.from({ length: clients }, () => writer(hives, agent.id, () => isOver, acknowledged)), lateWriter(hives.database.url, tenantId, agent.id, () => isOver, acknowledged)];
    const failed = Promise.race(writing.map((one) => one.then(() => undefined))); // a writer that fails ends the soak at once
    for (let kill = 0; kill < kills; kill++) {
      await Promise.race([pause(BETWEEN_KILLS_MS), failed]);
      await hives.killOne();
      hives.requireAll();
    }
    isOver = true;
    await Promise.all(writing);
    const writtenSeconds = (Date.now() - started) / 1000;
    const count = (table) => onServer(hives.database.url, async (client) => Number((await client.query(`select count(*) from audit.${table} where tenant_id = $1`, [tenantId])).rows[0].count));
    const written = await count('entry');
    for (const until = Date.now() + GIVE_UP_MS; (await count('leaf')) < written && Date.now() < until; ) await pause(200);
    const sealedSeconds = (Date.now() - started) / 1000 - writtenSeconds;
    const [seen, sequences] = [new Set(), []];
    for await (const event of events(hives)) {
      sequences.push(event.sequence);
      seen.add(event.id);
    }
    const gapless = sequences.every((sequence, i) => sequence === i + 1);
    const lost = [...acknowledged].filter((id) => !seen.has(id)).length;
    const verification = await hives.call('POST', '/v1/audit/verifications', {});
    const ok = gapless && lost === 0 && seen.size === sequences.length && verification.ok;
    return { servers, clients, kills, acknowledged: acknowledged.size, events: sequences.length, different: seen.size, gapless, lost, checkpoints: verification.checkpoints, verified: verification.ok, breaches: verification.breaches, writtenSeconds, sealedSeconds, ok };
  } finally {
    await hives.close();
  }
}
