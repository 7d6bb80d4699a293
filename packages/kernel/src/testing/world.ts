import type { Principal } from '../context.js';
import { newId } from '../uuid.js';

/** A tenant id that no other test uses. */
export const newTenantId = (): string => newId();

/** A principal with every scope of its own new tenant, unless told otherwise. */
export const principal = (overrides: Partial<Principal> = {}): Principal => ({
  tenantId: newTenantId(),
  actor: { type: 'service', id: null, name: 'test' },
  scopes: ['*'],
  role: null,
  keyId: null,
  ...overrides,
});
