import type { Stretch } from '@agent-hive/agents';
import { currentTenantId, type Sql } from '@agent-hive/kernel';
import { sql } from 'kysely';
import type { MessageRow } from './message.dto.js';
import { MESSAGE_COLUMNS } from './message.sql.js';

/** What is looked for. `line` are the stretches of one session; null is every session. */
export interface Search {
  words: string | null;
  payload: string | null;
  line: readonly Stretch[] | null;
  before: string | null;
  limit: number;
}

/** Messages that are found, newest first. Words by message_search_index, payloads by message_channel_payload_index, inside the functions that may use them. */
export async function searchMessages(db: Sql, { words, payload, line, before, limit }: Search): Promise<MessageRow[]> {
  const [sessions, upTo] = [line?.map((stretch) => stretch.sessionId) ?? null, line?.map((stretch) => stretch.upTo) ?? null];
  const found = await sql<MessageRow>`
    select ${MESSAGE_COLUMNS}
      from communication.find_messages(${words}::text, ${payload}::jsonb, ${sessions}::uuid[], ${upTo}::bigint[], ${before}::uuid, ${limit}::int) f
      join communication.message m on m.tenant_id = ${currentTenantId()} and m.id = f.id
     order by m.id desc`.execute(db);
  return found.rows;
}
