/** SQLSTATE of a database that somebody connected to in the meantime, and of one that somebody else dropped. */
const IN_USE = '55006';
const GONE = '3D000';

/**
 * Drops the databases whose name starts with `prefix`, that were made at least `minAgeSeconds` ago and that nobody is
 * connected to; returns their names. Needs a superuser: a database does not know its age, the file that is written first
 * does. Takes the lock under which tests clone templates, so that none vanishes between being found and being cloned.
 */
export async function dropStale(client, { prefix, minAgeSeconds }) {
  await client.query(`select pg_advisory_lock(hashtext('hive_test'))`);
  try {
    const stale = await client.query(
      `select datname as name from pg_database d
        where starts_with(datname, $1)
          and not exists (select from pg_stat_activity a where a.datid = d.oid)
          and (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification <= clock_timestamp() - make_interval(secs => $2)
        order by datname`,
      [prefix, minAgeSeconds],
    );
    const dropped = [];
    for (const { name } of stale.rows) if (await drop(client, name)) dropped.push(name);
    return dropped;
  } finally {
    await client.query(`select pg_advisory_unlock(hashtext('hive_test'))`);
  }
}

async function drop(client, name) {
  try {
    await client.query(`drop database ${client.escapeIdentifier(name)}`);
    return true;
  } catch (error) {
    if (error.code === IN_USE || error.code === GONE) return false;
    throw error;
  }
}
