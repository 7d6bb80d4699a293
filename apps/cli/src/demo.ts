import { withProgress } from '@agent-hive/api';
import { RequestRefused, withClient, type Client } from './client.js';
import { CommandFailed, OK, type Context } from './context.js';
import { demoSteps } from './demo-steps.js';

interface NewTenant {
  id: string;
  slug: string;
  adminKey: { id: string; key: string };
}

/** `hive demo`: a tenant of its own, filled by requests that anyone could send, the same ones every time. */
export const demo = (context: Context, { json }: { json?: boolean }): Promise<number> =>
  withClient(context, async (client) => {
    const { io } = context;
    const tenant = await createTenant(client);
    const inDemo = client.as(tenant.adminKey.key);
    const made: Record<string, unknown> = {};
    for (const step of demoSteps) {
      made[step.name] = await withProgress(io, `Demo: ${step.name}`, () => step.run(inDemo, made));
      if (!json) io.err(`Demo: ${step.name}`);
    }
    io.out(json ? JSON.stringify({ tenant: { id: tenant.id, slug: tenant.slug }, key: tenant.adminKey.key, made }, null, 2) : `Tenant demo is ready. Its key, shown only this once: ${tenant.adminKey.key}`);
    return OK;
  });

async function createTenant(client: Client): Promise<NewTenant> {
  try {
    return await client.request<NewTenant>('POST', '/v1/tenants', { slug: 'demo', name: 'Demo' });
  } catch (error) {
    if (!(error instanceof RequestRefused) || error.status !== 409) throw error;
    throw new CommandFailed('The tenant demo exists already. For a fresh one, use another data directory: HIVE_DATA_DIR=./.hive/demo hive demo', { cause: error });
  }
}
