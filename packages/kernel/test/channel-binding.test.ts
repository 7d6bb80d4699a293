import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Database } from '../src/index.js';

const CLEARTEXT = request(3);
const MD5 = request(5, Buffer.from('salt'));
const SASL = request(10, Buffer.from('SCRAM-SHA-256\0\0'));
const OK = request(0);
const READY = message('Z', Buffer.from('I'));

/** A server that asks for the login in one way, and lets nobody but its first visitor in. Keeps all that it was sent. */
async function asking(greeting: Buffer) {
  const sent: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('data', () => socket.write(greeting));
    socket.on('data', (data) => sent.push(data)).on('error', () => undefined); // the client hangs up as it likes
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { url: `postgres://hive:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/hive`, sent: () => Buffer.concat(sent).toString('latin1'), close };
}

const visit = async (url: string, prepareStatements: boolean) => {
  const database = await Database.open({ engine: 'server', url, prepareStatements, connectTimeoutMs: 2_000, poolMin: 0 });
  try {
    await database.verifyVersion(await database.orm({ entities: [], login: 'app' }));
  } finally {
    await database.close();
  }
};

describe('a URL with channel_binding=require', () => {
  it.each([
    ['asks for the password itself', CLEARTEXT, 'the server asks for the password itself'],
    ['asks for a digest of the password', MD5, 'the server asks for an MD5 of the password'],
    ['offers no binding', SASL, 'the server offers SCRAM-SHA-256 and not SCRAM-SHA-256-PLUS'],
    ['asks for nothing', Buffer.concat([OK, READY]), 'the server let us in without it'],
  ])('cuts a server that %s, before a password or a statement goes out', async (_, greeting, message) => {
    const server = await asking(greeting);
    for (const prepareStatements of [true, false]) {
      await expect(visit(`${server.url}?channel_binding=require`, prepareStatements)).rejects.toThrow(`channel_binding=require, but ${message}`);
    }
    expect(server.sent()).toContain('user\0hive');
    expect(server.sent()).not.toMatch(/hunter2|md5|select/);
    await server.close();
  });

  it('is what cuts it: without, the same server gets the password', async () => {
    const server = await asking(CLEARTEXT);
    await expect(visit(server.url, true)).rejects.toThrow('timeout');
    expect(server.sent()).toContain('hunter2');
    await server.close();
  });
});

function request(kind: number, more = Buffer.alloc(0)): Buffer {
  return message('R', Buffer.concat([int32(kind), more]));
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
