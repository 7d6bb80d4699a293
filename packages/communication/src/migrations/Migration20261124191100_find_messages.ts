import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

const CONDITIONS = `
             and (sessions is null or exists (select from unnest(sessions, up_to) s(id, sequence) where s.id = m.session_id and m.sequence <= s.sequence))
             and (before_id is null or m.id < before_id)
           order by m.id desc limit max_rows`;

/**
 * Under row level security the planner does not use the indexes of words and payloads: `@@` and `@>` are not leakproof. This
 * function may. Words and payloads are two statements, so that each is planned for its own index.
 */
export class Migration20261124191100_find_messages extends Migration {
  override name = 'Migration20261124191100_find_messages';

  override up(): void {
    this.addSql(`
      create function communication.find_messages(words text, payload jsonb, sessions uuid[], up_to bigint[], before_id uuid, max_rows integer) returns table (id uuid)
      language plpgsql stable security definer set search_path = pg_catalog as $$
      #variable_conflict use_column
      declare
        tenant constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
        wanted constant tsquery := websearch_to_tsquery('simple', words);
      begin
        if words is not null then
          return query
          select m.id from communication.message m
           where m.tenant_id = tenant and to_tsvector('simple', left(m.content, 100000)) @@ wanted and (payload is null or m.channel_payload @> payload)${CONDITIONS};
        else
          return query
          select m.id from communication.message m
           where m.tenant_id = tenant and m.channel_payload <> '{}' and m.channel_payload @> payload${CONDITIONS};
        end if;
      end $$;`);
    for (const statement of ownedBySearch('communication', 'communication.find_messages(text, jsonb, uuid[], bigint[], uuid, integer)')) this.addSql(statement);
  }

  override down(): void {
    this.addSql(`set local role hive_search;`);
    this.addSql(`drop function communication.find_messages(text, jsonb, uuid[], bigint[], uuid, integer);`);
    this.addSql(`set local role hive_owner;`);
  }
}
