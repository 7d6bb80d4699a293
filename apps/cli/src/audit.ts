import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ExportUnreadable, readCheckpoint, verifyExport, type CheckpointNote, type ExportReport } from '@agent-hive/audit/verify-export';
import { withClient } from './client.js';
import { CommandFailed, FAILED, OK, table, WrongUsage, type Context } from './context.js';

interface Json {
  json?: boolean;
}

interface VerifyOptions extends Json {
  export?: string;
  checkpoint?: string;
  since?: number;
}

/** What the hive answers to a verification, as far as it is printed. */
interface Verification {
  ok: boolean;
  tenant: string;
  from: number;
  size: number;
  leaves: number;
  checkpoints: number;
  archived: number;
  erased: number;
  breaches: ExportReport['breaches'];
  moreBreaches: number;
  durationMs: number;
}

interface SigningKey {
  id: string;
  publicKey: string;
  createdAt: string;
  retiredAt: string | null;
}

/** `hive audit checkpoint`: the latest signed root, as JSON, to be kept where nobody who administers the database can change it. */
export const checkpoint = (context: Context): Promise<number> =>
  withClient(context, async (client) => {
    context.io.out(JSON.stringify(await client.request<CheckpointNote>('GET', '/v1/audit/checkpoints/latest'), null, 2));
    return OK;
  });

/** `hive audit export`: sealed entries as lines of JSON. */
export const exportLog = (context: Context, { from, to }: { from?: number; to?: number }): Promise<number> =>
  withClient(context, async (client) => {
    const query = new URLSearchParams(Object.entries({ from, to }).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]])));
    for await (const line of linesOf(client.read(`/v1/audit/export?${query}`))) context.io.out(line);
    return OK;
  });

/** `hive audit keys`: the public keys that checkpoints are signed with. */
export const keys = (context: Context, { json }: Json): Promise<number> =>
  withClient(context, async (client) => {
    const { items } = await client.request<{ items: SigningKey[] }>('GET', '/v1/audit/keys');
    const rows = items.map((key) => [key.id, key.publicKey, key.createdAt, key.retiredAt ? `retired ${key.retiredAt}` : 'signs']);
    for (const line of json ? [JSON.stringify(items, null, 2)] : table(['id', 'public key', 'created', 'state'], rows)) context.io.out(line);
    return OK;
  });

/** `hive audit verify`: of a hive, or of an export without one. Exits 1 when something is not as it was sealed. */
export async function verify(context: Context, options: VerifyOptions): Promise<number> {
  if (options.export === undefined) return verifyHive(context, options);
  if (options.checkpoint === undefined) throw new WrongUsage('--export needs --checkpoint: a checkpoint that was kept elsewhere is what an export is verified against');
  if (options.since !== undefined) throw new WrongUsage('--since is for a hive: an export says itself where it begins');
  const note = noteOf(options.checkpoint);
  const report = await unreadable(options.export, () => verifyExport(createInterface({ input: createReadStream(options.export!), crlfDelay: Infinity }), note));
  const more = [
    ...(report.withoutPayload > 0 ? [`${report.withoutPayload} of them without their payload, which was archived or erased`] : []),
    ...(report.uncovered > 0 ? [`${report.uncovered} of them that no signature of key ${note.keyId} covers`] : []),
  ];
  return told(context, options, report, [`entries ${report.from} to ${report.size} of tenant ${report.tenant}`, ...more].join(', '));
}

const verifyHive = (context: Context, options: VerifyOptions): Promise<number> =>
  withClient(context, async (client) => {
    const body = { since: options.since, ...(options.checkpoint !== undefined && { checkpoint: noteOf(options.checkpoint) }) };
    const report = await client.request<Verification>('POST', '/v1/audit/verifications', body);
    const { tenant, from, size, leaves, checkpoints, archived, erased, durationMs } = report;
    const rate = durationMs > 0 ? `, ${Math.round((leaves / durationMs) * 1000)} entries a second` : '';
    const gone = archived + erased > 0 ? `, ${archived} of them archived and ${erased} erased` : '';
    return told(context, options, report, `${leaves} entries (${from} to ${size}) and ${checkpoints} checkpoints of tenant ${tenant}${gone}${rate}`);
  });

function told({ io }: Context, { json }: Json, report: Verification | ExportReport, what: string): number {
  if (json) io.out(JSON.stringify(report, null, 2));
  else for (const line of [`${report.ok ? 'Verified' : 'NOT as sealed'}: ${what}`, ...report.breaches.map((breach) => inWords(report.tenant, breach)), ...(report.moreBreaches > 0 ? [`  and ${report.moreBreaches} more`] : [])]) io.out(line);
  return report.ok ? OK : FAILED;
}

/** One breach on a line. */
export const inWords = (tenant: string, { kind, sequence, entryId, message }: ExportReport['breaches'][number]): string =>
  `  ${kind}: tenant ${tenant}, sequence ${sequence ?? 'none'}, entry ${entryId ?? 'unknown'}: ${message}`;

function noteOf(file: string): CheckpointNote {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailed(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return readCheckpoint(text);
  } catch (error) {
    if (!(error instanceof ExportUnreadable)) throw error;
    throw new CommandFailed(`${file}: ${error.message}`, { cause: error });
  }
}

async function unreadable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ExportUnreadable) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new CommandFailed(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Lines of a text that comes in pieces. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
