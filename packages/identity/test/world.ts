import { CaptureSubscriber } from '@agent-hive/audit';
import { testApp, type TestApp } from '@agent-hive/kernel/testing';
import { IdentityModule, identityDomain, TenantsService } from '../src/index.js';

/** The platform's key in these tests. */
export const ADMIN_KEY = 'the-platform-key-of-these-tests-0123456789';

/** The domain's application with its real guard; the tenant `default` is there. */
export async function identityApp(): Promise<TestApp> {
  const hive = await testApp({
    domains: [identityDomain],
    modules: [IdentityModule.forRoot({ adminKey: ADMIN_KEY, environment: 'test' })],
    subscribers: [new CaptureSubscriber()],
    realAuthentication: true,
  });
  await hive.app.get(TenantsService, { strict: false }).ensureDefault();
  return hive;
}

let serial = 0;

/** A new tenant, and the key of its administrator. */
export async function aTenant(hive: TestApp): Promise<{ id: string; key: string }> {
  const made = await hive.post<{ id: string; adminKey: { key: string } }>('/v1/tenants', { slug: `tenant-${Date.now()}-${++serial}`, name: 'A tenant' }, { as: ADMIN_KEY });
  if (made.status !== 201) throw new Error(`no tenant: ${made.status} ${JSON.stringify(made.body)}`);
  return { id: made.body.id, key: made.body.adminKey.key };
}

/** A key of the tenant with these scopes. */
export async function aKey(hive: TestApp, as: string, body: object): Promise<{ id: string; key: string }> {
  const made = await hive.post<{ id: string; key: string }>('/v1/api-keys', { name: 'a key', ...body }, { as });
  if (made.status !== 201) throw new Error(`no key: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}
