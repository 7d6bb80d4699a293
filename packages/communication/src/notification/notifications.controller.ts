import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe } from '@agent-hive/kernel/http';
import { NotificationDto, NotificationPage, NotificationQuery, NotifiedDto, NotifyDto, ReadAllDto, RecipientDto } from './notification.dto.js';
import { NotificationsService } from './notifications.service.js';

@ApiTags('notifications')
@Controller('v1/notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  /** Notifies a user, who may have turned the kind off, or an agent. */
  @Post()
  @Access('notifications:write')
  create(@Body() input: NotifyDto): Promise<NotifiedDto> {
    return this.notifications.create(input);
  }

  /** Lists notifications, newest first. Users and agents see their own. */
  @Get()
  @Access('notifications:read')
  list(@Query() query: NotificationQuery): Promise<NotificationPage> {
    return this.notifications.list(query);
  }

  /** Marks all notifications of a user or an agent as read. */
  @Post('read-all')
  @HttpCode(200)
  @Access('notifications:read')
  markAllRead(@Body() of: RecipientDto): Promise<ReadAllDto> {
    return this.notifications.markAllRead(of);
  }

  /** Marks a notification as read. */
  @Put(':id/read')
  @Access('notifications:read')
  markRead(@Param('id', IdPipe) id: string): Promise<NotificationDto> {
    return this.notifications.markRead(id);
  }
}
