import { randomUUID } from 'node:crypto';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import pg from 'pg';
import { v6 } from 'uuid';
import { messageWork } from './messages-loops.js';
import { CONTENT, LATEST } from './messages-world.js';
import { vacuum } from './servers.js';

/**
 * The Postgres saver of LangGraph by its own calls: put() of a checkpoint, getTuple() of the latest. It has no messages of its own, but
 * channels that each checkpoint writes whole: here one with the latest 50, which is the least that can be asked for them. Nothing but
 * that checkpoint lies in a thread.
 */
export async function open({ url, poolMax, crowd: { sessions } }) {
  const saver = new PostgresSaver(new pg.Pool({ connectionString: url, max: poolMax }));
  await saver.setup();
  const messages = Array.from({ length: LATEST }, () => ({ id: randomUUID(), role: 'user', content: CONTENT, tokensUsed: 70, modelUsed: 'bench-1' }));
  let version = 0;
  const put = (thread) => {
    const versions = { messages: ++version };
    const checkpoint = { v: 4, id: v6(), ts: new Date().toISOString(), channel_values: { messages }, channel_versions: versions, versions_seen: {} };
    return saver.put({ configurable: { thread_id: thread, checkpoint_ns: '' } }, checkpoint, { source: 'loop', step: version, parents: {} }, versions);
  };
  return messageWork({
    latestCount: LATEST,
    async fill(loops) {
      const [full, empty] = [sessions, loops].map((count) => Array.from({ length: count }, () => randomUUID()));
      for (const thread of full) await put(thread);
      await vacuum(url, 'checkpoints', 'checkpoint_blobs');
      return { full, empty };
    },
    append: put,
    latest: async (thread) => (await saver.getTuple({ configurable: { thread_id: thread } })).checkpoint.channel_values.messages.length,
    tally: async () => ({}),
    close: () => saver.end(),
  });
}
