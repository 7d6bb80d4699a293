import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditHooks, AuditModule } from '@agent-hive/audit';
import { Authenticator } from '@agent-hive/kernel/http';
import { ApiKeysController } from './api-key/api-keys.controller.js';
import { ApiKeysService } from './api-key/api-keys.service.js';
import { AuthenticationService } from './authentication/authentication.service.js';
import { MeController } from './authentication/me.controller.js';
import { TokensService } from './authentication/tokens.service.js';
import { IdentityHooks } from './identity.hooks.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { identityDomain } from './orm.js';
import { OidcIssuersController } from './oidc-issuer/oidc-issuers.controller.js';
import { OidcIssuersService } from './oidc-issuer/oidc-issuers.service.js';
import { PreferencesController } from './preference/preferences.controller.js';
import { PreferencesService } from './preference/preferences.service.js';
import { ProjectsController } from './project/projects.controller.js';
import { ProjectsService } from './project/projects.service.js';
import { RolesController } from './role/roles.controller.js';
import { RolesService } from './role/roles.service.js';
import { RETENTION_STORES } from './stores.js';
import type { TenantStore } from './tenant/tenant-store.sql.js';
import { TenantsController } from './tenant/tenants.controller.js';
import { TenantsService } from './tenant/tenants.service.js';
import { UsersController } from './user/users.controller.js';
import { UsersService } from './user/users.service.js';

const PROOF = 'proofs of what retention and erasure did';
const OUTLIVES = 'the record outlives its subject; retention ends it';

/** Tables of this domain and of those upstream, referred-to ones first. */
const STORES: readonly TenantStore[] = [
  { table: 'audit.entry', key: ['id'], kept: OUTLIVES },
  { table: 'audit.archive', key: ['id'], kept: PROOF },
  { table: 'audit.erasure', key: ['id'], kept: PROOF },
  { table: 'audit.legal_hold', key: ['id'], kept: PROOF },
  { table: 'audit.retention_policy', key: ['retention_class'] },
  { table: 'audit.retention_run', key: ['id'] },
  { table: 'audit.retention_lock', key: ['tenant_id'] },
  { table: 'audit.data_key', key: ['id'], secret: ['wrapped'] },
  { table: 'audit.leaf', key: ['sequence'], secret: ['salt'], kept: OUTLIVES },
  { table: 'audit.node', key: ['level', 'node_index'], kept: OUTLIVES },
  { table: 'audit.checkpoint', key: ['size'], kept: OUTLIVES },
  { table: 'kernel.idempotency_key', key: ['principal', 'route', 'key'], secret: ['response'] },
  { table: 'identity.user', key: ['id'] },
  { table: 'identity.role', key: ['name'] },
  { table: 'identity.api_key', key: ['id'], secret: ['secret_hash'] },
  { table: 'identity.project', key: ['id'] },
  { table: 'identity.project_state', key: ['id'] },
  { table: 'identity.preference', key: ['user_id', 'category'] },
];

@Module({})
export class IdentityModule implements OnModuleInit {
  constructor(
    private readonly hooks: IdentityHooks,
    private readonly auditHooks: AuditHooks,
    private readonly users: UsersService,
  ) {}

  static forRoot(options: IdentityOptions): DynamicModule {
    return {
      module: IdentityModule,
      global: true,
      imports: [AuditModule],
      controllers: [TenantsController, UsersController, RolesController, ApiKeysController, ProjectsController, PreferencesController, OidcIssuersController, MeController],
      providers: [
        { provide: IDENTITY_OPTIONS, useValue: options },
        { provide: Authenticator, useExisting: AuthenticationService },
        AuthenticationService,
        TokensService,
        IdentityHooks,
        TenantsService,
        UsersService,
        RolesService,
        ApiKeysService,
        ProjectsService,
        PreferencesService,
        OidcIssuersService,
      ],
      exports: [Authenticator, IdentityHooks, TenantsService, UsersService, ApiKeysService, ProjectsService],
    };
  }

  onModuleInit(): void {
    this.auditHooks.stores.register('identity', async () => RETENTION_STORES);
    this.auditHooks.subjects.register('identity', async (type, id) => (type === 'user' ? this.users.namesOf(id) : null));
    this.auditHooks.erased.register('identity', async (type, id) => (type === 'user' ? this.users.erase(id) : []));
    this.hooks.stores.register('identity', async () => ({ domain: identityDomain, stores: STORES }));
  }
}
