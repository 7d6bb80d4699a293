import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Forbidden, isUuid, Unauthenticated, type Principal } from '@agent-hive/kernel';
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { OidcIssuer } from '../oidc-issuer/oidc-issuer.entity.js';
import { boundedBy, GRANTABLE, scopesOfRole } from '../scopes.js';
import { tokenHolder } from '../tenant/tenant.sql.js';

const ISSUER_KEPT_MS = 60_000;
const KEYS_TIMEOUT_MS = 3_000;
const KNOWN_MAX = 1_000;
const NAME_MAX = 320;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

type KnownIssuer = Pick<OidcIssuer, 'issuer' | 'audience' | 'jwksUri' | 'tenantClaim' | 'scopesClaim'> & { keys: JWTVerifyGetKey };

/** Believes the tokens of the issuers that the platform named: signature, issuer, audience and times are checked by jose. */
@Injectable()
export class TokensService {
  /** What is known of issuers by name, and until when; null for one that is not believed. */
  private readonly known = new Map<string, { issuer: KnownIssuer | null; until: number }>();
  constructor(private readonly em: EntityManager) {}

  /** The principal of a token. Throws Unauthenticated for anything wrong with it, Forbidden when its tenant is suspended. */
  async verify(token: string): Promise<Principal> {
    const issuer = await this.issuerOf(token);
    if (!issuer) throw new Unauthenticated();
    try {
      const { payload } = await jwtVerify(token, issuer.keys, { issuer: issuer.issuer, audience: issuer.audience, algorithms: ALGORITHMS, clockTolerance: 5, requiredClaims: ['exp'] });
      return await this.principalOf(payload, issuer);
    } catch (error) {
      // Everything that jose refuses, and an issuer whose keys cannot be had, is one answer to the caller.
      if (error instanceof errors.JOSEError || error instanceof TypeError) throw new Unauthenticated();
      throw error;
    }
  }

  private async principalOf(payload: JWTPayload, issuer: KnownIssuer): Promise<Principal> {
    const tenant = payload[issuer.tenantClaim];
    const claimed = payload[issuer.scopesClaim];
    if (!isUuid(tenant)) throw new Unauthenticated();
    const tenantId = tenant.toLowerCase();
    // jose does not look at the types of these.
    const subject: unknown = payload.sub;
    const userId = isUuid(subject) ? subject.toLowerCase() : null;
    const holder = await tokenHolder(this.em, tenantId, userId);
    if (!holder) throw new Unauthenticated();
    if (holder.tenant_state === 'suspended') throw new Forbidden('The tenant of this token is suspended', 'tenant-suspended');
    const scopes = typeof claimed === 'string' ? claimed.split(/\s+/) : Array.isArray(claimed) ? claimed.filter((scope): scope is string => typeof scope === 'string') : [];
    const name = lineOf(payload.email) || lineOf(subject) || issuer.issuer;
    // A scope that the hive does not know, or that is the platform's, opens nothing, whoever says so.
    const named = GRANTABLE.filter((scope) => scopes.includes(scope));
    const role = holder.user_role;
    const opened = role === null ? named : boundedBy(scopesOfRole(role, holder.user_role_scopes), named.length === 0 ? null : named);
    return { tenantId, actor: { type: 'user', id: userId, name }, scopes: opened, role, keyId: null };
  }

  private async issuerOf(token: string): Promise<KnownIssuer | null> {
    let name: unknown;
    try {
      name = decodeJwt(token).iss;
    } catch {
      return null; // three parts with dots, but no token
    }
    if (!isIssuerName(name)) return null;
    const before = this.known.get(name);
    if (before && before.until > Date.now()) return before.issuer;
    const found = await this.em.fork().findOne(OidcIssuer, { issuer: name });
    const keys = before?.issuer?.jwksUri === found?.jwksUri ? before?.issuer?.keys : undefined;
    const issuer = found && { ...found, keys: keys ?? createRemoteJWKSet(new URL(found.jwksUri), { timeoutDuration: KEYS_TIMEOUT_MS }) };
    if (this.known.size >= KNOWN_MAX) this.known.clear(); // strangers can name any issuer: what is remembered of them stays small
    this.known.set(name, { issuer, until: Date.now() + ISSUER_KEPT_MS });
    return issuer;
  }
}

/** Nobody has signed the token yet: what is no text would reach the database as an operator of the query. */
const isIssuerName = (name: unknown): name is string => typeof name === 'string' && name !== '' && name.length <= 500 && name.isWellFormed() && !name.includes('\0');

/** A claim as one line that the record can keep; empty when it is no text. */
const lineOf = (claim: unknown): string => (typeof claim === 'string' ? claim.slice(0, NAME_MAX).toWellFormed().replaceAll(/\p{Cc}/gu, '\ufffd') : '');
