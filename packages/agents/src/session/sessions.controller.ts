import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { CreateSessionDto, SessionDto, SessionExternalIdParams, SessionPage, SessionQuery, UpdateSessionDto } from './session.dto.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('sessions')
@Controller('v1/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  /** Starts a session, with the context of an earlier one when it continues that. */
  @Post()
  @Access('sessions:write', { etag: true, location: '/v1/sessions' })
  create(@Body() input: CreateSessionDto): Promise<SessionDto> {
    return this.sessions.create(input);
  }

  /** Lists sessions, newest first. */
  @Get()
  @Access('sessions:read')
  list(@Query() query: SessionQuery): Promise<SessionPage> {
    return this.sessions.list(query);
  }

  /** Reads a session by the id that its caller knows it by. */
  @Get('by-external-id/:externalId')
  @Access('sessions:read', { etag: true })
  getByExternalId(@Param() { externalId }: SessionExternalIdParams): Promise<SessionDto> {
    return this.sessions.getByExternalId(externalId);
  }

  /** Reads a session. */
  @Get(':id')
  @Access('sessions:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<SessionDto> {
    return this.sessions.get(id);
  }

  /** Moves a session to another state, or gives it another context, name or end. */
  @Patch(':id')
  @Access('sessions:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateSessionDto, @IfMatch() version: number | null): Promise<SessionDto> {
    return this.sessions.update(id, input, version);
  }
}
