import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { CreateOidcIssuerDto, OidcIssuerDto, OidcIssuersDto } from './oidc-issuer.dto.js';
import { OidcIssuersService } from './oidc-issuers.service.js';

@ApiTags('identity')
@Controller('v1/oidc-issuers')
export class OidcIssuersController {
  constructor(private readonly issuers: OidcIssuersService) {}

  /** Lists the issuers whose tokens are believed. */
  @Get()
  @Access('tenants:write')
  list(): Promise<OidcIssuersDto> {
    return this.issuers.list();
  }

  /** Believes the tokens of an issuer. */
  @Post()
  @Access('tenants:write', { location: '/v1/oidc-issuers' })
  create(@Body() input: CreateOidcIssuerDto): Promise<OidcIssuerDto> {
    return this.issuers.create(input);
  }

  /** Believes the tokens of an issuer no more. */
  @Delete(':id')
  @HttpCode(204)
  @Access('tenants:write')
  delete(@Param('id', IdPipe) id: string): Promise<void> {
    return this.issuers.delete(id);
  }
}
