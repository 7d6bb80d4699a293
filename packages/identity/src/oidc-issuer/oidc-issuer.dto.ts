import { IsNotEmpty, IsString, IsUrl, Matches, MaxLength, ValidateIf } from 'class-validator';
import { given } from '@agent-hive/kernel/http';
import type { OidcIssuer } from './oidc-issuer.entity.js';

const url = { require_tld: false, protocols: ['http', 'https'], require_protocol: true };
const HTTP = /^https?:/;
const schemeMessage = { message: '$property must begin with http:// or https://, in lower case' };

/** An issuer to be believed. */
export class CreateOidcIssuerDto {
  /** The `iss` of its tokens, exactly. */
  @IsUrl(url)
  @Matches(HTTP, schemeMessage)
  @MaxLength(500)
  issuer: string;

  /** The `aud` that its tokens must have. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(500)
  audience: string;

  /** Where its public keys are. */
  @IsUrl(url)
  @Matches(HTTP, schemeMessage)
  @MaxLength(500)
  jwksUri: string;

  /** Claim that holds the tenant's id. */
  @ValidateIf(given)
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  tenantClaim: string = 'tenant';

  /** Claim that holds the scopes, as a list or a text with spaces. */
  @ValidateIf(given)
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  scopesClaim: string = 'scope';
}

/** An issuer whose tokens are believed. */
export class OidcIssuerDto {
  id: string;
  issuer: string;
  audience: string;
  jwksUri: string;
  tenantClaim: string;
  scopesClaim: string;
  createdAt: string;

  static of(issuer: OidcIssuer): OidcIssuerDto {
    const { id, issuer: name, audience, jwksUri, tenantClaim, scopesClaim, createdAt } = issuer;
    return { id, issuer: name, audience, jwksUri, tenantClaim, scopesClaim, createdAt: createdAt.toISOString() };
  }
}

/** All issuers by name. */
export class OidcIssuersDto {
  items: OidcIssuerDto[];
}
