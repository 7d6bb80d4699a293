import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHives } from './hives.js';
import { onServer } from './servers.js';

const DAYS = 400;
const CONTENT_CHARS = 400;
/** The day on which the held session spoke: its month stays. */
const HELD_DAY = 250;
const TABLE = 'communication.message';

/** SQL that puts messages into a session, some for each of the days: id and moment are of that day, spread over it. */
const insertMessages = `
  insert into communication.message (tenant_id, id, session_id, sequence, role, message_type, content, size_bytes, content_digest, created_at, updated_at)
  select $1, (left(kernel.id_floor(m.at)::text, 19) || substr(gen_random_uuid()::text, 20))::uuid, $2, m.n, 'user', 'text', left(repeat(md5(m.n::text), 13), ${CONTENT_CHARS}), ${CONTENT_CHARS}, repeat('a', 64), m.at, m.at
    from (select row_number() over (order by d desc, i) as n, now() - make_interval(days => d) + i * interval '1 second' as at from unnest($3::int[]) d, generate_series(1, $4::int) i) m`;

/** Every file below a directory. */
const bytesBelow = (directory) => readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

/**
 * 400 days of messages, one session of which is held: a dry run, a run, and every archive read again. The run must do what the dry run
 * counted, the months that are empty then must be gone from the disk, and the record must verify before and after.
 */
export async function retentionSoak(engine, number) {
  const perDay = number('each', 500);
  const archives = mkdtempSync(join(tmpdir(), 'hive-archives-'));
  const hives = await openHives(1, { HIVE_ARCHIVE_DIR: archives });
  try {
    const { tenantId } = await hives.call('GET', '/v1/me');
    const session = async (days) => {
      const { id } = await hives.call('POST', '/v1/sessions', {});
      await onServer(hives.database.url, (client) => client.query(insertMessages, [tenantId, id, days, perDay]));
      await onServer(hives.database.url, (client) => client.query('update agents.session set last_sequence = $2 where id = $1', [id, days.length * perDay]));
      return id;
    };
    await onServer(hives.database.url, (client) => client.query(`select kernel.ensure_months('${TABLE}', now() - interval '18 months', 18)`));
    await session(Array.from({ length: DAYS }, (_, i) => i + 1));
    const held = await session([HELD_DAY]);
    await hives.call('POST', '/v1/legal-holds', { subjectType: 'session', subjectId: held, reason: 'a lawsuit' });
    await onServer(hives.database.url, (client) => client.query(`vacuum (analyze) ${TABLE}`));
    const bytesOnDisk = () => onServer(hives.database.url, async (client) => Number((await client.query(`select sum(pg_total_relation_size(relid)) as bytes from pg_partition_tree('${TABLE}')`)).rows[0].bytes));
    const rowsOf = async (id) => onServer(hives.database.url, async (client) => Number((await client.query(`select count(*) from ${TABLE} where ($1::uuid is null or session_id = $1)`, [id])).rows[0].count));
    const verified = async () => (await hives.call('POST', '/v1/audit/verifications', {})).ok;
    const run = async (dryRun) => {
      const started = Date.now();
      const { stores, error } = await hives.call('POST', '/v1/retention-runs', { dryRun });
      const { due, held: kept, archived, deleted, droppedMonths } = stores.find(({ table }) => table === TABLE);
      return { due, held: kept, archived, deleted, droppedMonths: droppedMonths.length, error, seconds: (Date.now() - started) / 1000 };
    };
    const before = { rows: await rowsOf(null), bytes: await bytesOnDisk(), verified: await verified() };
    const dry = await run(true);
    const real = await run(false);
    const after = { rows: await rowsOf(null), bytes: await bytesOnDisk(), verified: await verified() };
    let restored = 0;
    for (let cursor = ''; cursor !== null; ) {
      const page = await hives.call('GET', `/v1/archives?table=${TABLE}&limit=100${cursor && `&cursor=${cursor}`}`);
      for (const { id } of page.items) restored += await linesOf(hives, `/v1/archives/${id}/rows`);
      cursor = page.nextCursor;
    }
    const counts = { dry, real, restored, heldRows: await rowsOf(held), archiveBytes: bytesBelow(archives) };
    const ok = real.error === null && dry.due === real.due && real.due === real.archived && real.archived === real.deleted && restored === real.deleted && before.rows - after.rows === real.deleted && counts.heldRows === perDay && dry.held === perDay && real.droppedMonths > 0 && after.bytes < before.bytes && before.verified && after.verified;
    return { days: DAYS, perDay, before, after, ...counts, ok };
  } finally {
    await hives.close();
    rmSync(archives, { recursive: true, force: true });
  }
}

/** How many rows an archive gives back. */
async function linesOf(hives, path) {
  const answer = await fetch(hives.urls[0] + path, { headers: { authorization: `Bearer ${hives.key}` } });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.text()).trimEnd().split('\n').length;
}
