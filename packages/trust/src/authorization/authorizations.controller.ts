import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { AuthorizationDto, AuthorizeDto } from './authorization.dto.js';
import { AuthorizationsService } from './authorizations.service.js';

@ApiTags('trust')
@Controller('v1/authorizations')
export class AuthorizationsController {
  constructor(private readonly authorizations: AuthorizationsService) {}

  /** Asks whether an agent may do something: yes, once a person approves it, or no. */
  @Post()
  @HttpCode(200)
  @Access('trust:authorize')
  create(@Body() input: AuthorizeDto): Promise<AuthorizationDto> {
    return this.authorizations.create(input);
  }
}
