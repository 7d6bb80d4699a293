/*
 * A hive in a process of its own that signs: its sealer runs as in a server, by the job and its lease, from `startSealer` to
 * `stopSealer`; beside that it seals at once, verifies and proves. Moments are milliseconds of the clock of this machine.
 */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { built } from './built.js';
import { servePeer } from './peer-process.js';
import { openHiveHere } from './tasks-world.js';

const { runAs, servicePrincipal, tenantRead } = await built('packages/kernel/dist/index.js');
const { SealingService } = await built('packages/audit/dist/index.js');
const { ProofsService } = await built('packages/audit/dist/sealing/proofs.service.js');
const { VerificationsService } = await built('packages/audit/dist/sealing/verifications.service.js');
const { selectUnsealed } = await built('packages/audit/dist/sealing/verification.sql.js');
const { isConsistent, isIncluded } = await built('packages/audit/dist/sealing/merkle.js');
const { createLogger } = await built('apps/api/dist/index.js');
const { Scheduler } = await built('apps/api/dist/jobs/jobs.js');
const { sealRecord } = await built('apps/api/dist/jobs/audit.js');

const POOL_MAX = 2;
/** The sealer looks further and further back; what is a minute old is found within some two. */
const GIVE_UP_MS = 120_000;
const LEAST_ID = '00000000-0000-0000-0000-000000000000';
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const opened = { hive: null, call: null, sealer: null };
const service = (of) => opened.hive.app.get(of, { strict: false });
const bytes = (hex) => Buffer.from(hex, 'hex');

const methods = {
  async open({ url, world }) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    opened.hive = await openHiveHere(url, world.key, POOL_MAX, { HIVE_SIGNING_KEY: pem });
    opened.call = (use) => runAs(opened.hive.orm.em, servicePrincipal(world.tenantId, 'bench'), use);
  },
  /** Begins to seal, and answers after the first turn. */
  async startSealer() {
    const { hive } = opened;
    const turns = [];
    let first;
    const hadTurn = new Promise((resolve) => (first = resolve));
    const job = {
      ...sealRecord,
      async run(context) {
        await sealRecord.run(context);
        turns.push({ size: (await opened.call(() => service(ProofsService).latest())).size, endedAt: Date.now() });
        first();
      },
    };
    const scheduler = new Scheduler({ database: hive.database, orm: hive.orm, get: service }, createLogger(hive.config));
    scheduler.start([job]);
    opened.sealer = { scheduler, turns };
    await hadTurn;
  },
  /** Ends the sealer once everything is sealed; answers the size of the log after each of its turns, and when that was. */
  async stopSealer() {
    const { scheduler, turns } = opened.sealer;
    await untilSealed(() => pause(100));
    opened.sealer = null;
    await scheduler.stop();
    return turns;
  },
  /** Seals whatever there is; answers how many entries, and how long it took. */
  async sealAll() {
    const started = performance.now();
    let entries = 0;
    await untilSealed(async () => {
      for (let isFull = true; isFull; ) {
        const sealed = await opened.call(() => service(SealingService).seal());
        entries += sealed.entries;
        isFull = sealed.isFull;
      }
    });
    return { entries, millis: performance.now() - started };
  },
  /** Verifies the log, or what came after a size. A breach is a failure. */
  async verify({ since }) {
    const started = performance.now();
    const verified = await opened.call(() => service(VerificationsService).create({ since }));
    const millis = performance.now() - started;
    if (!verified.ok) throw new Error(`the log is not as it was sealed: ${JSON.stringify(verified.breaches)}`);
    return { leaves: verified.leaves, millis };
  },
  /** Milliseconds that the proof of each entry takes, and that of the consistency of each pair of sizes; each proof is checked. */
  async prove({ entryIds, pairs }) {
    const [inclusion, consistency] = [[], []];
    for (const id of entryIds) {
      const { leaf, path, checkpoint } = await timed(inclusion, () => service(ProofsService).inclusion(id));
      const proven = isIncluded({ index: leaf.sequence - 1, size: checkpoint.size, leaf: bytes(leaf.leafHash), path: path.map(bytes), root: bytes(checkpoint.root) });
      if (!proven) throw new Error(`the proof of entry ${id} proves nothing`);
    }
    for (const [from, to] of pairs) {
      const proof = await timed(consistency, () => service(ProofsService).consistency({ from, to }));
      const proven = isConsistent({ from, to, fromRoot: bytes(proof.fromRoot), toRoot: bytes(proof.toRoot), path: proof.path.map(bytes) });
      if (!proven) throw new Error(`the proof from ${from} to ${to} proves nothing`);
    }
    return { inclusion, consistency };
  },
};

/** Does something again and again until no entry is without a leaf. */
async function untilSealed(turn) {
  const anyUnsealed = () => opened.call(() => tenantRead(opened.hive.orm.em, (db) => selectUnsealed(db, { floor: LEAST_ID, ceiling: GREATEST_ID, limit: 1 })));
  for (const until = Date.now() + GIVE_UP_MS; (await anyUnsealed()).length > 0; await turn()) if (Date.now() > until) throw new Error(`entries are not sealed after ${GIVE_UP_MS / 1000} s`);
}

async function timed(millis, use) {
  const started = performance.now();
  const result = await opened.call(use);
  millis.push(performance.now() - started);
  return result;
}

servePeer(methods, async () => {
  await opened.sealer?.scheduler.stop();
  await opened.hive?.close();
});
