import { createLogger, openHive, readConfig } from '@agent-hive/api';
import { SealingService, tamperWith } from '@agent-hive/audit';
import { runAs, servicePrincipal } from '@agent-hive/kernel';
import type { Breach } from '@agent-hive/audit/verify-export';
import { inWords } from './audit.js';
import { local } from './client.js';
import { FAILED, OK, quiet, type Context } from './context.js';

interface Entry {
  id: string;
  action: string;
}

interface Report {
  ok: boolean;
  tenant: string;
  size: number;
  breaches: Breach[];
}

/**
 * `hive demo tamper`: a hive in memory, some work in it, and somebody who edits one entry of its record as the superuser of the
 * database. Exits 0 when the verification names just that entry.
 */
export async function tamper({ env, io }: Context, { json }: { json?: boolean }): Promise<number> {
  const inMemory = { ...Object.fromEntries(Object.entries(quiet(env)).filter(([name]) => !/^(DATABASE_|POSTGRES_|HIVE_SIGNING_KEY)/.test(name))), HIVE_DATA_DIR: 'memory://' };
  const { config } = readConfig(inMemory);
  const hive = await openHive(config, io, createLogger(config));
  const say = (line: string) => void (json || io.out(line));
  try {
    const client = local(hive);
    for (const name of ['Ada', 'Grace', 'Edsger']) await client.request('POST', '/v1/agents', { name, type: 'general-purpose' });
    const { tenantId } = await client.request<{ tenantId: string }>('GET', '/v1/me');
    await runAs(hive.orm.em, servicePrincipal(tenantId, 'demo'), () => hive.app.get(SealingService, { strict: false }).seal());
    const before = await client.request<Report>('POST', '/v1/audit/verifications', {});
    say(`Three agents were made. The record has ${before.size} sealed entries, and verifies: ${before.ok ? 'yes' : 'no'}`);

    const { items } = await client.request<{ items: Entry[] }>('GET', '/v1/audit/entries?action=agent.created');
    const victim = items[1]!;
    const statement = tamperWith(victim.id);
    await hive.database.execute(hive.orm, statement);
    say(`Somebody with the password of the superuser: ${statement}`);

    const after = await client.request<Report>('POST', '/v1/audit/verifications', {});
    say('The verification now says:');
    for (const breach of after.breaches) say(inWords(after.tenant, breach));
    if (json) io.out(JSON.stringify({ before, edited: victim.id, after }, null, 2));
    return before.ok && after.breaches.length === 1 && after.breaches[0]!.entryId === victim.id ? OK : FAILED;
  } finally {
    await hive.close();
  }
}
