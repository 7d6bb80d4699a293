import { currentTenantId, KernelModule, newId, runAs, tenantSql, type Principal } from '@agent-hive/kernel';
import { principal, testApp, type TestApp, type TestAppOptions } from '@agent-hive/kernel/testing';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditHooks, auditDomain, AuditModule, CaptureSubscriber, insertEntries, SealingService, Signer, SignerModule, signerOf, type AccountedFor } from '../src/index.js';
import type { CreateVerificationDto, VerificationDto } from '../src/sealing/verification.dto.js';
import { VerificationsService } from '../src/sealing/verifications.service.js';

/** What another process over the same database can do. It knows nothing of what the first has signed. */
export interface Another {
  seal(me: Principal, limit?: number): Promise<number>;
  verify(me: Principal, body?: CreateVerificationDto): Promise<VerificationDto>;
  close(): Promise<void>;
}

/** A hive whose log a test fills, seals, harms and verifies. */
export interface SealWorld {
  hive: TestApp;
  signer: Signer;
  /** What retention and erasure have proofs of, by tenant. */
  proofs: Map<string, AccountedFor>;
  /** Writes entries as a domain does; returns the ids of all in order. */
  fill(me: Principal, count: number): Promise<string[]>;
  /** Seals until nothing is left; returns how many entries that were. */
  seal(me: Principal, limit?: number): Promise<number>;
  verify(me: Principal, body?: object): Promise<VerificationDto>;
  /** What somebody with the password of the superuser does, past every policy and privilege. */
  asSuperuser(statement: string): Promise<void>;
  /** A tenant with a sealed log of so many entries, in batches of `limit`. */
  sealed(count: number, limit?: number): Promise<{ me: Principal; ids: string[] }>;
  another(signer?: Signer): Promise<Another>;
}

export async function sealWorld(options: Partial<TestAppOptions> = {}): Promise<SealWorld> {
  const signer = Signer.make();
  const hive = await testApp({ domains: [auditDomain], modules: [AuditModule, SignerModule.of(signerOf(signer))], subscribers: [new CaptureSubscriber()], ...options });
  const proofs = new Map<string, AccountedFor>();
  hive.app.get(AuditHooks).accountedFor.register('test', async () => proofs.get(currentTenantId()) ?? { archived: [], erased: [] });
  const em = hive.orm.em;
  const fill = async (me: Principal, count: number) => {
    const entry = (i: number) => ({ action: 'file.moved', subjectType: 'file', subjectId: newId(), details: { number: i, text: 'naïve "ünï" \u0001\t\\ 漢' }, previousState: { a: 1 }, newState: { a: 2 } });
    await runAs(em, me, () => tenantSql(em, (db) => insertEntries(Array.from({ length: count }, (_, i) => entry(i))).execute(db)));
    const rows = await hive.database.execute<{ id: string }>(hive.orm, `select id from audit.entry where tenant_id = '${me.tenantId}' order by id`);
    return rows.map((row) => row.id);
  };
  const sealWith = (app: INestApplicationContext) => async (me: Principal, limit?: number) => {
    let sum = 0;
    for (let isFull = true; isFull; ) {
      const sealed = await runAs(em, me, () => app.get(SealingService).seal(limit));
      sum += sealed.entries;
      isFull = sealed.isFull;
    }
    return sum;
  };
  const seal = sealWith(hive.app);
  return {
    hive, signer, proofs, fill, seal,
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
    async another(own = signer) {
      @Module({ imports: [KernelModule.forRoot(hive.database, hive.orm), AuditModule, SignerModule.of(signerOf(own))] })
      class AnotherModule {}
      const app = await NestFactory.createApplicationContext(AnotherModule, { logger: false, abortOnError: false });
      return { seal: sealWith(app), verify: (me, body = {}) => runAs(em, me, () => app.get(VerificationsService).create(body)), close: () => app.close() };
    },
  };
}
