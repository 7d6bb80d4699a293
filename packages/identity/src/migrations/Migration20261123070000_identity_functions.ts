import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

const FUNCTIONS: Record<string, string> = {
  // The guard knows the tenant from the key's text, not from a session: one statement outside any tenant, by primary keys.
  'identity.authenticate(uuid, uuid)': `
    create function identity.authenticate(tenant uuid, key uuid)
    returns table (secret_hash text, name text, scopes jsonb, role text, role_scopes jsonb, agent_id uuid, user_id uuid, expires_at timestamptz, revoked_at timestamptz, tenant_state text)
    language sql stable security definer set search_path = pg_catalog as $$
      select k.secret_hash, k.name, k.scopes, k.role, r.scopes, k.agent_id, k.user_id, k.expires_at, k.revoked_at, t.state
        from identity.api_key k
        join identity.tenant t on t.id = k.tenant_id
        left join identity.role r on r.tenant_id = k.tenant_id and r.name = k.role
       where k.tenant_id = authenticate.tenant and k.id = authenticate.key
    $$;`,
  'identity.tenant_by_slug(text)': `
    create function identity.tenant_by_slug(wanted text) returns table (id uuid, state text)
    language sql stable security definer set search_path = pg_catalog as $$
      select t.id, t.state from identity.tenant t where t.slug = wanted
    $$;`,
  'identity.tenant_state(uuid)': `
    create function identity.tenant_state(wanted uuid) returns text
    language sql stable security definer set search_path = pg_catalog as $$
      select t.state from identity.tenant t where t.id = wanted
    $$;`,
  'identity.active_tenants()': `
    create function identity.active_tenants() returns setof uuid
    language sql stable security definer set search_path = pg_catalog as $$
      select t.id from identity.tenant t where t.state = 'active' order by t.id
    $$;`,
  // jsonb @> is not leakproof: under row level security it would never use preference_preferences_index.
  'identity.preferring(jsonb, text)': `
    create function identity.preferring(wanted jsonb, in_category text) returns table (user_id uuid, category text)
    language sql stable security definer set search_path = pg_catalog as $$
      select p.user_id, p.category from identity.preference p
       where p.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and p.preferences @> wanted
         and (in_category is null or p.category = in_category)
    $$;`,
};

/** What must be answered before a tenant is known, and search by JSON path. */
export class Migration20261123070000_identity_functions extends Migration {
  override name = 'Migration20261123070000_identity_functions';

  override up(): void {
    for (const [signature, text] of Object.entries(FUNCTIONS)) {
      this.addSql(text);
      for (const statement of ownedBySearch('identity', signature)) this.addSql(statement);
    }
  }

  override down(): void {
    this.addSql(`set local role hive_search;`);
    for (const signature of Object.keys(FUNCTIONS)) this.addSql(`drop function ${signature};`);
    this.addSql(`set local role hive_owner;`);
  }
}
