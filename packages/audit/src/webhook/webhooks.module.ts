import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditHooks } from '../audit.hooks.js';
import { AuditModule } from '../audit.module.js';
import { Destinations } from './destination.provider.js';
import { DispatchService } from './dispatch.service.js';
import { OWN_ACTIONS } from './dispatch.sql.js';
import { SenderService } from './sender.service.js';
import { WEBHOOK_OPTIONS, type WebhookOptions } from './webhook-options.js';
import { SECRET_COLUMNS, WebhookSecretsService } from './webhook-secrets.service.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';

@Module({})
export class WebhooksModule implements OnModuleInit {
  constructor(private readonly hooks: AuditHooks) {}

  static forRoot(options: WebhookOptions = {}): DynamicModule {
    return {
      module: WebhooksModule,
      imports: [AuditModule],
      controllers: [WebhooksController],
      providers: [{ provide: WEBHOOK_OPTIONS, useValue: options }, Destinations, SenderService, DispatchService, WebhookSecretsService, WebhooksService],
      exports: [DispatchService],
    };
  }

  onModuleInit(): void {
    this.hooks.actions.register('webhooks', async () => OWN_ACTIONS);
    this.hooks.encryptedColumns.register('webhooks', async () => SECRET_COLUMNS);
  }
}
