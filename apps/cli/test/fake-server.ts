import { createServer, type Server, type Socket } from 'node:net';

/** What the fake answers to a statement that matches: rows of texts, or an error. */
export interface Answer {
  to: RegExp;
  row?: Record<string, string>;
  error?: { code: string; message: string };
}

/**
 * A server that speaks just enough of PostgreSQL's protocol (v3, simple queries) to be one that we cannot have on every
 * machine: too old, or without an extension. Statements that nothing matches succeed without rows.
 */
export async function fakeServer(answers: readonly Answer[]): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    serve(socket, answers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { url: `postgres://hive@127.0.0.1:${port}/hive`, close };
}

const TEXT_OID = 25;
const READY = message('Z', Buffer.from('I'));

function serve(socket: Socket, answers: readonly Answer[]): void {
  let pending = Buffer.alloc(0);
  let greeted = false;
  socket.on('error', () => undefined).on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      // The startup message has no type byte; every later one has.
      const head = greeted ? 1 : 0;
      if (pending.length < head + 4) return;
      const length = head + pending.readInt32BE(head);
      if (pending.length < length) return;
      const [type, body] = [greeted ? String.fromCharCode(pending[0]!) : '', pending.subarray(head + 4, length)];
      pending = pending.subarray(length);
      if (!greeted) {
        greeted = true;
        socket.write(Buffer.concat([message('R', int32(0)), READY]));
      } else if (type === 'Q') socket.write(reply(body.toString('utf8', 0, body.length - 1), answers));
      else if (type === 'X') socket.end();
    }
  });
}

function reply(statement: string, answers: readonly Answer[]): Buffer {
  const answer = answers.find(({ to }) => to.test(statement));
  if (answer?.error) {
    const { code, message: text } = answer.error;
    return Buffer.concat([message('E', Buffer.from(`SERROR\0VERROR\0C${code}\0M${text}\0\0`)), READY]);
  }
  const row = Object.entries(answer?.row ?? {});
  const columns = row.map(([name]) => Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(TEXT_OID), int16(-1), int32(-1), int16(0)]));
  const values = row.map(([, value]) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]));
  const rows = row.length === 0 ? [] : [message('T', Buffer.concat([int16(row.length), ...columns])), message('D', Buffer.concat([int16(row.length), ...values]))];
  return Buffer.concat([...rows, message('C', Buffer.from('OK\0')), READY]);
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}
