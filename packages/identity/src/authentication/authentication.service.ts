import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Forbidden, runAs, tenantStatement, Unauthenticated, type Principal } from '@agent-hive/kernel';
import { Authenticator } from '@agent-hive/kernel/http';
import { selectKey, touchKey } from '../api-key/api-key.sql.js';
import { isSame, isSecretOf, parseKey, type KeyParts } from '../api-key/key-text.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from '../identity-options.js';
import { boundedBy, scopesOfRole } from '../scopes.js';
import { tenantBySlug } from '../tenant/tenant.sql.js';
import { TokensService } from './tokens.service.js';

const TOUCH_EVERY_MS = 60_000;

/**
 * Who calls: the platform's own key, a key of a tenant, or a token of an issuer. Whatever is wrong with one, the answer is
 * the same. Keys are looked up on every request and never cached.
 */
@Injectable()
export class AuthenticationService extends Authenticator implements OnApplicationShutdown {
  private readonly log = new Logger('Authentication');
  private readonly touchedAt = new Map<string, number>();
  private readonly touching = new Set<Promise<void>>();
  private defaultTenantId: string | undefined;

  constructor(
    private readonly em: EntityManager,
    private readonly tokens: TokensService,
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
  ) {
    super();
  }

  /** The principal of an Authorization header. Throws Unauthenticated, or Forbidden when the tenant is suspended. */
  override async authenticate(authorization: string): Promise<Principal> {
    const text = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (!text) throw new Unauthenticated();
    if (this.options.adminKey && isSame(text, this.options.adminKey)) return this.platform();
    const parts = parseKey(text);
    if (parts) return this.keyHolder(parts);
    if (text.split('.').length === 3) return this.tokens.verify(text);
    throw new Unauthenticated();
  }

  /** Waits for what is still being noted. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.touching);
  }

  private async platform(): Promise<Principal> {
    this.defaultTenantId ??= (await tenantBySlug(this.em, 'default'))?.id;
    if (!this.defaultTenantId) throw new Unauthenticated();
    return { tenantId: this.defaultTenantId, actor: { type: 'service', id: null, name: 'platform' }, scopes: ['*', 'tenants:write'], role: 'admin', keyId: null };
  }

  private async keyHolder(parts: KeyParts): Promise<Principal> {
    const row = await selectKey(this.em, parts);
    const now = new Date();
    if (!row || !isSecretOf(row.secret_hash, parts.secret)) throw new Unauthenticated();
    if (row.revoked_at !== null || (row.expires_at !== null && new Date(row.expires_at) <= now)) throw new Unauthenticated();
    if (row.tenant_state === 'suspended') throw new Forbidden('The tenant of this key is suspended', 'tenant-suspended');
    const named = [...new Set([...row.scopes, ...(row.role === null ? [] : scopesOfRole(row.role, row.role_scopes))])];
    const namesNone = row.role === null && row.scopes.length === 0;
    const type = row.agent_id ? 'agent' : row.user_id ? 'user' : 'service';
    const principal: Principal = {
      tenantId: parts.tenantId,
      actor: { type, id: row.agent_id ?? row.user_id, name: row.name },
      scopes: row.user_role === null ? named : boundedBy(scopesOfRole(row.user_role, row.user_role_scopes), namesNone ? null : named),
      role: row.role ?? row.user_role,
      keyId: parts.keyId,
    };
    this.noteUse(principal, now);
    return principal;
  }

  /** Notes the use of a key at most once a minute, beside the request and never in its way. */
  private noteUse(principal: Principal, now: Date): void {
    const keyId = principal.keyId!;
    if (now.getTime() - (this.touchedAt.get(keyId) ?? 0) < TOUCH_EVERY_MS) return;
    this.touchedAt.set(keyId, now.getTime());
    const noted = runAs(this.em, principal, () => tenantStatement(this.em, (db) => touchKey(db, keyId, now))).catch((error: unknown) => this.log.warn(`The use of key ${keyId} was not noted: ${String(error)}`));
    this.touching.add(noted);
    void noted.finally(() => this.touching.delete(noted));
  }
}
