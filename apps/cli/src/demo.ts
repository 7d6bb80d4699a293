import { withProgress, type Environment } from '@agent-hive/api';
import { RequestRefused, withClient, type Client } from './client.js';
import { CommandFailed, OK, type Context } from './context.js';
import { demoSteps } from './demo-steps.js';
import { taskSteps } from './demo-tasks.js';
import { trustSteps } from './demo-trust.js';

interface NewTenant {
  id: string;
  slug: string;
  adminKey: { id: string; key: string };
}

/** `hive demo`: a tenant of its own, filled by requests that anyone could send, the same ones every time. */
export const demo = (context: Context, { json }: { json?: boolean }): Promise<number> =>
  withClient(context, async (client) => {
    const { io } = context;
    const tenant = await createTenant(client, context.env);
    const inDemo = client.as(tenant.adminKey.key);
    const made: Record<string, unknown> = {};
    for (const step of [...demoSteps, ...taskSteps, ...trustSteps]) {
      made[step.name] = await withProgress(io, `Demo: ${step.name}`, () => step.run(inDemo, made));
      if (!json) io.err(`Demo: ${step.name}`);
    }
    io.out(json ? JSON.stringify({ tenant: { id: tenant.id, slug: tenant.slug }, key: tenant.adminKey.key, made }, null, 2) : `Tenant demo is ready. Its key, shown only this once: ${tenant.adminKey.key}`);
    return OK;
  });

async function createTenant(client: Client, env: Environment): Promise<NewTenant> {
  try {
    return await client.request<NewTenant>('POST', '/v1/tenants', { slug: 'demo', name: 'Demo' });
  } catch (error) {
    if (!(error instanceof RequestRefused) || error.status !== 409) throw error;
    throw new CommandFailed(`The tenant demo exists already. For a fresh one, use ${another(env)}`, { cause: error });
  }
}

/** Where there is no demo yet, by what the environment names. */
function another(env: Environment): string {
  if (env.HIVE_URL) return 'another hive: HIVE_URL and HIVE_KEY say which';
  if (env.DATABASE_URL) return 'another database of the server, made by createdb: DATABASE_URL=postgres://.../hive_demo hive demo';
  if (env.POSTGRES_HOST) return 'another database of the server, made by createdb: POSTGRES_DB=hive_demo hive demo';
  return 'another data directory: HIVE_DATA_DIR=./.hive/demo hive demo';
}
