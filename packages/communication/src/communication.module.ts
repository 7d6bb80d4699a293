import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { IdentityHooks, type TenantStore } from '@agent-hive/identity';
import { MAIL_ACTIONS, MAIL_STORES, MailModule } from './mail/mail.module.js';
import { communicationDomain } from './orm.js';

/** Tables of this domain, referred-to ones first. */
const STORES: readonly TenantStore[] = [...MAIL_STORES];

/** What this domain records beside the changes of its tables: no agent may report one of these. */
const ACTIONS = [...MAIL_ACTIONS];

@Module({})
export class CommunicationModule implements OnModuleInit {
  constructor(
    private readonly auditHooks: AuditHooks,
    private readonly identityHooks: IdentityHooks,
  ) {}

  static forRoot(): DynamicModule {
    return { module: CommunicationModule, imports: [AuditModule, MailModule] };
  }

  onModuleInit(): void {
    this.auditHooks.actions.register('communication', async () => ACTIONS);
    this.identityHooks.stores.register('communication', async () => ({ domain: communicationDomain, stores: STORES }));
  }
}
