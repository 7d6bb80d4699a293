import { defineEntity, p } from '@mikro-orm/postgresql';
import { createdAt, updatedAt } from '@agent-hive/kernel';

/** An issuer whose bearer tokens are believed. It has no tenant: the tenant is a claim of each token. */
export const OidcIssuerSchema = defineEntity({
  name: 'OidcIssuer',
  schema: 'identity',
  tableName: 'oidc_issuer',
  properties: {
    id: p.uuid().primary(),
    issuer: p.text().unique('oidc_issuer_issuer_unique'),
    audience: p.text(),
    jwksUri: p.text(),
    tenantClaim: p.text(),
    scopesClaim: p.text(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  checks: [
    { name: 'oidc_issuer_issuer_check', expression: `issuer ~ '^https?://'` },
    { name: 'oidc_issuer_jwks_uri_check', expression: `jwks_uri ~ '^https?://'` },
  ],
});

export class OidcIssuer extends OidcIssuerSchema.class {}
OidcIssuerSchema.setClass(OidcIssuer);
