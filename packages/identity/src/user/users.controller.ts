import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateUserDto, UpdateUserDto, UserDto, UserPage, UserQuery } from './user.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('identity')
@Controller('v1/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  /** Adds a user. */
  @Post()
  @Access('users:write', { etag: true, location: '/v1/users' })
  create(@Body() input: CreateUserDto): Promise<UserDto> {
    return this.users.create(input);
  }

  /** Lists users, newest first, or finds one by email. */
  @Get()
  @Access('users:read')
  list(@Query() query: UserQuery): Promise<UserPage> {
    return this.users.list(query);
  }

  /** Reads a user. */
  @Get(':id')
  @Access('users:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<UserDto> {
    return this.users.get(id);
  }

  /** Changes a user. */
  @Patch(':id')
  @Access('users:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateUserDto, @IfMatch() version: number | null): Promise<UserDto> {
    return this.users.update(id, input, version);
  }

  /** Deletes a user; references to it are nulled, its keys revoked. */
  @Delete(':id')
  @HttpCode(204)
  @Access('users:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.users.delete(id, version);
  }
}
