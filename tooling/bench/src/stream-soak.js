import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { openHive } from './soaks.js';

const GIVE_UP_MS = 10 * 60_000;
const COME_BACK_MS = 200;

/** What comes on one connection, until it ends or breaks. `seen` is called with each event's id. */
function readOnce({ url, key }, path, after, seen) {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${key}`, 'last-event-id': String(after) };
    const asked = request(url + path, { headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) answer.resume();
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => {
        text += part;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const id = /^id: (\d+)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          if (id !== undefined && seen(Number(id))) asked.destroy();
        }
      });
      answer.on('close', resolve);
    });
    asked.on('error', () => undefined); // killed, or not there yet: the reader comes back
    asked.on('close', resolve);
    asked.end();
  });
}

/** Reads a session's stream to its last message, over however many connections that takes. */
async function reader(hive, path, messages, until) {
  const got = [];
  let connections = 0;
  while (got.length < messages && Date.now() < until) {
    if (connections++ > 0) await pause(COME_BACK_MS);
    await readOnce(hive, path, got.at(-1) ?? 0, (id) => {
      got.push(id);
      return got.length >= messages;
    });
  }
  return { got, connections };
}

/** Says so many messages; one that was not acknowledged is said again under its key, and counts once. */
async function writer(hive, path, next) {
  for (let text = next(); text !== null; text = next()) {
    const key = randomUUID();
    for (;;) {
      const answer = await hive.call('POST', path, { role: 'user', content: text }, { 'idempotency-key': key }).catch(() => null); // the server was killed meanwhile
      if (answer?.status === 201) break;
      if (answer && answer.status < 500 && answer.status !== 409) throw new Error(`POST answered ${answer.status}: ${answer.text}`);
      await pause(50);
    }
  }
}

/** Readers of one session, writers into it, and a server that is killed on the way. Each reader must get 1, 2, 3 and so on to the last, each once. */
export async function streamSoak(engine, number) {
  const [readers, messages, writers, kills] = [number('readers', 200), number('messages', 2_000), number('writers', 10), number('kills', 1)];
  const hive = await openHive(engine);
  try {
    const { body: session } = await hive.call('POST', '/v1/sessions', {});
    const path = `/v1/sessions/${session.id}/messages`;
    const [started, until] = [Date.now(), Date.now() + GIVE_UP_MS];
    const reading = Array.from({ length: readers }, () => reader(hive, `${path}/stream`, messages, until));
    let said = 0;
    const writing = Array.from({ length: writers }, () => writer(hive, path, () => (said < messages ? `${++said}` : null)));
    for (let kill = 1; kill <= kills; kill++) {
      while (said < (messages * kill) / (kills + 1)) await pause(5);
      await hive.kill();
      await hive.restart();
    }
    await Promise.all(writing);
    const writtenSeconds = (Date.now() - started) / 1000;
    const read = await Promise.all(reading);
    const complete = read.filter(({ got }) => got.length === messages && got.every((id, i) => id === i + 1)).length;
    const { body } = await hive.call('GET', `/v1/sessions/${session.id}`);
    const connections = read.reduce((sum, each) => sum + each.connections, 0);
    return { readers, messages, writers, kills, lastSequence: body.lastSequence, complete, connections, writtenSeconds, seconds: (Date.now() - started) / 1000, ok: complete === readers && body.lastSequence === messages };
  } finally {
    await hive.close();
  }
}
