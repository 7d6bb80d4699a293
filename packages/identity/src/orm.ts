import { auditDomain } from '@agent-hive/audit';
import { domainOrm } from '@agent-hive/kernel';
import { ApiKeySchema } from './api-key/api-key.entity.js';
import { migrations } from './migrations/index.js';
import { OidcIssuerSchema } from './oidc-issuer/oidc-issuer.entity.js';
import { PreferenceSchema } from './preference/preference.entity.js';
import { ProjectStateSchema } from './project/project-state.entity.js';
import { ProjectSchema } from './project/project.entity.js';
import { RoleSchema } from './role/role.entity.js';
import { TenantSchema } from './tenant/tenant.entity.js';
import { UserSchema } from './user/user.entity.js';

/** Schema `identity`: tenants, users, roles, API keys, projects, preferences, token issuers. */
export const identityDomain = domainOrm({
  name: 'identity',
  entities: [TenantSchema, UserSchema, RoleSchema, ApiKeySchema, ProjectSchema, ProjectStateSchema, PreferenceSchema, OidcIssuerSchema],
  upstream: [auditDomain],
  migrations,
});
