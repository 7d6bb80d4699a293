import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch } from '@agent-hive/kernel/http';
import { PreferenceDto, PreferencePage, PreferenceParams, PreferenceQuery, PutPreferenceDto } from './preference.dto.js';
import { PreferencesService } from './preferences.service.js';

@ApiTags('identity')
@Controller('v1')
export class PreferencesController {
  constructor(private readonly preferences: PreferencesService) {}

  /** Lists the preferences that have a value at a path, such as `notifications.email`. */
  @Get('preferences')
  @Access('preferences:read')
  list(@Query() query: PreferenceQuery): Promise<PreferencePage> {
    return this.preferences.list(query);
  }

  /** Lists what a user prefers, by category. */
  @Get('users/:id/preferences')
  @Access('preferences:read')
  listByUser(@Param('id', IdPipe) id: string): Promise<PreferencePage> {
    return this.preferences.listByUser(id);
  }

  /** Reads what a user prefers in a category. */
  @Get('users/:id/preferences/:category')
  @Access('preferences:read', { etag: true })
  get(@Param() { id, category }: PreferenceParams): Promise<PreferenceDto> {
    return this.preferences.get(id, category);
  }

  /** Sets what a user prefers in a category. */
  @Put('users/:id/preferences/:category')
  @Access('preferences:write', { etag: true })
  upsert(@Param() { id, category }: PreferenceParams, @Body() input: PutPreferenceDto, @IfMatch() version: number | null | undefined): Promise<PreferenceDto> {
    return this.preferences.upsert(id, category, input, version);
  }

  /** Forgets what a user prefers in a category. */
  @Delete('users/:id/preferences/:category')
  @HttpCode(204)
  @Access('preferences:write')
  delete(@Param() { id, category }: PreferenceParams, @IfMatch() version: number | null | undefined): Promise<void> {
    return this.preferences.delete(id, category, version);
  }
}
