import { Injectable } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { isUniqueViolation, newId, NotFound, Refused, transactional } from '@agent-hive/kernel';
import { OidcIssuerDto, type CreateOidcIssuerDto, type OidcIssuersDto } from './oidc-issuer.dto.js';
import { OidcIssuer } from './oidc-issuer.entity.js';

/** The issuers whose bearer tokens are believed; the platform's, and no tenant's. */
@Injectable()
export class OidcIssuersService {
  constructor(private readonly em: EntityManager) {}

  /** All issuers by name; there are few, so there are no pages. */
  async list(): Promise<OidcIssuersDto> {
    const issuers = await this.em.find(OidcIssuer, {}, { orderBy: { issuer: 'asc' } });
    return { items: issuers.map((issuer) => OidcIssuerDto.of(issuer)) };
  }

  /** Believes an issuer from now on. Throws Refused when it is there. */
  async create(input: CreateOidcIssuerDto): Promise<OidcIssuerDto> {
    try {
      return await transactional(this.em, async (em) => {
        const issuer = em.create(OidcIssuer, { id: newId(), ...input });
        await em.persist(issuer).flush();
        return OidcIssuerDto.of(issuer);
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new Refused(`The issuer ${input.issuer} is there already`, 'conflict');
      throw error;
    }
  }

  /** Believes an issuer no more; tokens that were verified in the last minute may still pass. Throws NotFound. */
  async delete(id: string): Promise<void> {
    await transactional(this.em, async (em) => {
      const issuer = await em.findOne(OidcIssuer, { id });
      if (!issuer) throw new NotFound('issuer', id);
      await em.remove(issuer).flush();
    });
  }
}
