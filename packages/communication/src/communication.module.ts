import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { CONSISTENCY_CHECKS } from './consistency.sql.js';
import { MAIL_ACTIONS, MAIL_STORES, MailModule } from './mail/mail.module.js';
import { MessagesModule } from './message/messages.module.js';
import { RETENTION_STORES } from './stores.js';
import { communicationDomain } from './orm.js';

/** How the domain is set up. */
export interface CommunicationOptions {
  /** Largest content of one message, in bytes of UTF-8; 1 MiB by default. */
  messageMaxBytes?: number;
}

const MESSAGE_MAX_BYTES = 1024 * 1024;

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [{ table: 'communication.message', key: ['id'] }, ...MAIL_STORES];

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = ['message.created', 'message.judged', 'message.redacted', ...MAIL_ACTIONS];

@Module({})
export class CommunicationModule implements OnModuleInit {
  constructor(
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
  ) {}

  static forRoot({ messageMaxBytes = MESSAGE_MAX_BYTES }: CommunicationOptions = {}): DynamicModule {
    return { module: CommunicationModule, imports: [AuditModule, MessagesModule.forRoot({ contentMaxBytes: messageMaxBytes }), MailModule] };
  }

  onModuleInit(): void {
    this.auditHooks.actions.register('communication', async () => ACTIONS);
    this.auditHooks.consistencyChecks.register('communication', async () => CONSISTENCY_CHECKS);
    this.auditHooks.stores.register('communication', async () => RETENTION_STORES);
    this.identityHooks.stores.register('communication', async () => ({ domain: communicationDomain, stores: STORES }));
  }
}
