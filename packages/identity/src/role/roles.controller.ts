import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access } from '@agent-hive/kernel/http';
import { PutRoleDto, RoleDto, RoleParams, RolesDto } from './role.dto.js';
import { RolesService } from './roles.service.js';

@ApiTags('identity')
@Controller('v1/roles')
export class RolesController {
  constructor(private readonly roles: RolesService) {}

  /** Lists the roles of this tenant with their scopes. */
  @Get()
  @Access('roles:read')
  list(): Promise<RolesDto> {
    return this.roles.list();
  }

  /** Makes a role, or gives it other scopes. */
  @Put(':name')
  @Access('roles:write')
  upsert(@Param() { name }: RoleParams, @Body() input: PutRoleDto): Promise<RoleDto> {
    return this.roles.upsert(name, input);
  }

  /** Takes away a role that nobody has. */
  @Delete(':name')
  @HttpCode(204)
  @Access('roles:write')
  delete(@Param() { name }: RoleParams): Promise<void> {
    return this.roles.delete(name);
  }
}
