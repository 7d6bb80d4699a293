import { newId, runAs, tenantSql, type Principal } from '@agent-hive/kernel';
import { principal, testApp, type TestApp, type TestAppOptions } from '@agent-hive/kernel/testing';
import { auditDomain, AuditModule, CaptureSubscriber, insertEntries, SealingService } from '../src/index.js';
import type { VerificationDto } from '../src/sealing/verification.dto.js';

/** A hive whose log a test fills, seals, harms and verifies. */
export interface SealWorld {
  hive: TestApp;
  /** Writes entries as a domain does; returns their ids in order. */
  fill(me: Principal, count: number): Promise<string[]>;
  /** Seals until nothing is left; returns how many entries that were. */
  seal(me: Principal, limit?: number): Promise<number>;
  verify(me: Principal, body?: object): Promise<VerificationDto>;
  /** What somebody with the password of the superuser does, past every policy and privilege. */
  asSuperuser(statement: string): Promise<void>;
  /** A tenant with a sealed log of so many entries, in batches of `limit`. */
  sealed(count: number, limit?: number): Promise<{ me: Principal; ids: string[] }>;
}

export async function sealWorld(options: Partial<TestAppOptions> = {}): Promise<SealWorld> {
  const hive = await testApp({ domains: [auditDomain], modules: [AuditModule], subscribers: [new CaptureSubscriber()], ...options });
  const em = hive.orm.em;
  const fill = async (me: Principal, count: number) => {
    const entry = (i: number) => ({ action: 'file.moved', subjectType: 'file', subjectId: newId(), details: { number: i, text: 'naïve "ünï" \u0001\t\\ 漢' }, previousState: { a: 1 }, newState: { a: 2 } });
    await runAs(em, me, () => tenantSql(em, (db) => insertEntries(Array.from({ length: count }, (_, i) => entry(i))).execute(db)));
    const rows = await hive.database.execute<{ id: string }>(hive.orm, `select id from audit.entry where tenant_id = '${me.tenantId}' order by id`);
    return rows.map((row) => row.id);
  };
  const seal = async (me: Principal, limit?: number) => {
    let sum = 0;
    for (let isFull = true; isFull; ) {
      const sealed = await runAs(em, me, () => hive.app.get(SealingService).seal(limit));
      sum += sealed.entries;
      isFull = sealed.isFull;
    }
    return sum;
  };
  return {
    hive, fill, seal,
    async verify(me, body = {}) {
      const answer = await hive.post<VerificationDto>('/v1/audit/verifications', body, { as: me });
      if (answer.status !== 200) throw new Error(`verification was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    asSuperuser: async (statement) => void (await hive.database.execute(hive.orm, statement)),
    async sealed(count, limit) {
      const me = principal();
      const ids = await fill(me, count);
      await seal(me, limit);
      return { me, ids };
    },
  };
}
