import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, IdPipe, IfMatch, PageQuery } from '@agent-hive/kernel/http';
import {
  CreatedWebhookDto, CreateWebhookDto, RotateWebhookDto, UpdateWebhookDto, WebhookAttemptDto, WebhookDeliveryDto, WebhookDeliveryPage, WebhookDeliveryParams, WebhookDeliveryQuery, WebhookDto, WebhookPage,
} from './webhook.dto.js';
import { WebhooksService } from './webhooks.service.js';

@ApiTags('events')
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  /** Creates a webhook; its secret is in this answer only. */
  @Post()
  @Access('webhooks:write', { etag: true, location: '/v1/webhooks', shownOnce: ['secret'], transaction: false })
  create(@Body() input: CreateWebhookDto): Promise<CreatedWebhookDto> {
    return this.webhooks.create(input);
  }

  /** Lists webhooks, newest first, without their secrets. */
  @Get()
  @Access('webhooks:read')
  list(@Query() query: PageQuery): Promise<WebhookPage> {
    return this.webhooks.list(query);
  }

  /** Reads a webhook, without its secret. */
  @Get(':id')
  @Access('webhooks:read', { etag: true })
  get(@Param('id', IdPipe) id: string): Promise<WebhookDto> {
    return this.webhooks.get(id);
  }

  /** Changes a webhook, holds it, or lets it go on where it was. */
  @Patch(':id')
  @Access('webhooks:write', { etag: true, ifMatch: true })
  update(@Param('id', IdPipe) id: string, @Body() input: UpdateWebhookDto, @IfMatch() version: number | null): Promise<WebhookDto> {
    return this.webhooks.update(id, input, version);
  }

  /** Deletes a webhook with its deliveries. */
  @Delete(':id')
  @HttpCode(204)
  @Access('webhooks:write', { ifMatch: true })
  delete(@Param('id', IdPipe) id: string, @IfMatch() version: number | null): Promise<void> {
    return this.webhooks.delete(id, version);
  }

  /** Gives a webhook another secret, shown in this answer only; for a day, or as long as you say, attempts are signed with both. */
  @Post(':id/rotation')
  @HttpCode(200)
  @Access('webhooks:write', { etag: true, shownOnce: ['secret'] })
  rotate(@Param('id', IdPipe) id: string, @Body() input: RotateWebhookDto): Promise<CreatedWebhookDto> {
    return this.webhooks.rotate(id, input);
  }

  /** Sends a signed `webhook.test` at once and tells what came of it. */
  @Post(':id/test')
  @HttpCode(200)
  @Access('webhooks:write', { transaction: false })
  test(@Param('id', IdPipe) id: string): Promise<WebhookAttemptDto> {
    return this.webhooks.test(id);
  }

  /** Lists deliveries of a webhook, the newest event first. */
  @Get(':id/deliveries')
  @Access('webhooks:read')
  listDeliveries(@Param('id', IdPipe) id: string, @Query() query: WebhookDeliveryQuery): Promise<WebhookDeliveryPage> {
    return this.webhooks.listDeliveries(id, query);
  }

  /** Reads a delivery with the log of its attempts. */
  @Get(':id/deliveries/:deliveryId')
  @Access('webhooks:read')
  getDelivery(@Param() { id, deliveryId }: WebhookDeliveryParams): Promise<WebhookDeliveryDto> {
    return this.webhooks.getDelivery(id, deliveryId);
  }

  /** Tries a dead delivery again, with all its attempts before it. */
  @Post(':id/deliveries/:deliveryId/redrive')
  @HttpCode(200)
  @Access('webhooks:write')
  redrive(@Param() { id, deliveryId }: WebhookDeliveryParams): Promise<WebhookDeliveryDto> {
    return this.webhooks.redrive(id, deliveryId);
  }
}
