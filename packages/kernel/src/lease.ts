import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';

/** A lease that is held. `token` grows with every new holder, so that a late write of an earlier one can be told. */
export interface HeldLease {
  name: string;
  holder: string;
  token: number;
}

/**
 * Takes or extends the lease of a background job. Null while another holder's runs. Leases have no tenant, so `em` may
 * be the root entity manager. Clocks of the callers are compared: they must agree within a fraction of `leaseSeconds`.
 */
export async function takeLease(em: EntityManager, name: string, holder: string, leaseSeconds: number, now = new Date()): Promise<HeldLease | null> {
  const until = new Date(now.getTime() + leaseSeconds * 1000);
  const taken = await sql<{ token: string | number }>`
    insert into kernel.lease as held (name, holder, token, expires_at) values (${name}, ${holder}, 1, ${until})
    on conflict (name) do update
       set holder = excluded.holder, expires_at = excluded.expires_at,
           token = held.token + case when held.holder = excluded.holder then 0 else 1 end
     where held.holder = excluded.holder or held.expires_at < ${now}
    returning token`.execute(em.fork().getKysely<Record<string, never>>());
  const row = taken.rows[0];
  return row ? { name, holder, token: Number(row.token) } : null;
}

/** Gives the lease free for the next holder at once. */
export async function releaseLease(em: EntityManager, lease: HeldLease): Promise<void> {
  await sql`delete from kernel.lease where name = ${lease.name} and holder = ${lease.holder} and token = ${lease.token}`.execute(
    em.fork().getKysely<Record<string, never>>(),
  );
}

/**
 * Extends a held lease, three times in its length, for as long as its holder is at work: a short one will do then, and that is how
 * long a crash leaves it behind. Returns what ends that, after the extension that is on its way.
 */
export function keepLease(em: EntityManager, { name, holder }: HeldLease, leaseSeconds: number): () => Promise<void> {
  let extended: Promise<unknown> = Promise.resolve();
  const extend = async () => {
    try {
      await takeLease(em, name, holder, leaseSeconds);
    } catch {
      return; // the database is away for a moment: the next one comes before the lease ends
    }
  };
  const timer = setInterval(() => void (extended = extended.then(extend)), (leaseSeconds * 1000) / 3).unref();
  return async () => {
    clearInterval(timer);
    await extended;
  };
}
