import { Migration } from '@mikro-orm/migrations';
import { ownedBySearch } from '@agent-hive/kernel';

const AUTHENTICATE = 'identity.authenticate(uuid, uuid)';
const TOKEN_HOLDER = 'identity.token_holder(uuid, uuid)';

const KEY_COLUMNS = 'secret_hash text, name text, scopes jsonb, role text, role_scopes jsonb, agent_id uuid, user_id uuid, expires_at timestamptz, revoked_at timestamptz, tenant_state text';

const authenticate = `
    create function identity.authenticate(tenant uuid, key uuid)
    returns table (${KEY_COLUMNS}, user_role text, user_role_scopes jsonb)
    language sql stable security definer set search_path = pg_catalog as $$
      select k.secret_hash, k.name, k.scopes, k.role, r.scopes, k.agent_id, k.user_id, k.expires_at, k.revoked_at, t.state, u.role, ur.scopes
        from identity.api_key k
        join identity.tenant t on t.id = k.tenant_id
        left join identity.role r on r.tenant_id = k.tenant_id and r.name = k.role
        left join identity."user" u on u.tenant_id = k.tenant_id and u.id = k.user_id
        left join identity.role ur on ur.tenant_id = u.tenant_id and ur.name = u.role
       where k.tenant_id = authenticate.tenant and k.id = authenticate.key
    $$;`;

const tokenHolder = `
    create function identity.token_holder(tenant uuid, person uuid)
    returns table (tenant_state text, user_role text, user_role_scopes jsonb)
    language sql stable security definer set search_path = pg_catalog as $$
      select t.state, u.role, r.scopes
        from identity.tenant t
        left join identity."user" u on u.tenant_id = t.id and u.id = token_holder.person
        left join identity.role r on r.tenant_id = u.tenant_id and r.name = u.role
       where t.id = token_holder.tenant
    $$;`;

/** As Migration20261123070000_identity_functions made it. */
const authenticateBefore = `
    create function identity.authenticate(tenant uuid, key uuid)
    returns table (${KEY_COLUMNS})
    language sql stable security definer set search_path = pg_catalog as $$
      select k.secret_hash, k.name, k.scopes, k.role, r.scopes, k.agent_id, k.user_id, k.expires_at, k.revoked_at, t.state
        from identity.api_key k
        join identity.tenant t on t.id = k.tenant_id
        left join identity.role r on r.tenant_id = k.tenant_id and r.name = k.role
       where k.tenant_id = authenticate.tenant and k.id = authenticate.key
    $$;`;

/** The guard learns the role of the user whom a key or a token is of, in the statement that it sends anyway. */
export class Migration20261124121500_roles_of_users extends Migration {
  override name = 'Migration20261124121500_roles_of_users';

  override up(): void {
    this.#drop(AUTHENTICATE);
    this.#create(AUTHENTICATE, authenticate);
    this.#create(TOKEN_HOLDER, tokenHolder);
  }

  override down(): void {
    this.#drop(TOKEN_HOLDER, AUTHENTICATE);
    this.#create(AUTHENTICATE, authenticateBefore);
  }

  #create(signature: string, text: string): void {
    this.addSql(text);
    for (const statement of ownedBySearch('identity', signature)) this.addSql(statement);
  }

  #drop(...signatures: string[]): void {
    this.addSql(`set local role hive_search;`);
    for (const signature of signatures) this.addSql(`drop function ${signature};`);
    this.addSql(`set local role hive_owner;`);
  }
}
