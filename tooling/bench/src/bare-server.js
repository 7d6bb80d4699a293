/*
 * The peer of the http bench: Fastify and pg, nothing else, as one would write it by hand for these two routes alone. The
 * key is compared to a constant; each request runs begin, set local role and tenant, its statement, and commit.
 *
 *   GET  /v1/agents/:id       the hive's own SELECT
 *   POST /v1/agents           one INSERT of an agent: no validation, no presence, no record
 *   POST /v1/agents/recorded  the hive's own statement: agent, presence and audit entry
 */
import Fastify from 'fastify';
import pg from 'pg';
import { v7 } from 'uuid';

const { DATABASE_URL: connectionString, PORT: port, BENCH_TENANT: tenantId, BENCH_KEY: key } = process.env;
const pool = new pg.Pool({ connectionString, max: 10 });
const fastify = Fastify();
const BEGIN = `begin; set local role hive_app; set local app.tenant_id = '${tenantId}'`;

const COLUMNS = `a.id, a.name, a.type, a.persona_type, a.description, a.model, a.capabilities, a.config, a.external_id, a.project_id,
  a.enhanced_features_enabled, a.performance_score, a.learning_metrics, a.optimization_suggestions, a.ai_metadata, a.last_ai_analysis,
  a.created_at, a.updated_at, a.version, p.status, p.status_reason, p.last_heartbeat_at`;
const INSERT = `insert into agents.agent (tenant_id, id, name, type, capabilities, config, enhanced_features_enabled, created_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, true, $7, $7) returning *`;

const SELECT = { name: 'select', text: `select ${COLUMNS} from agents.agent a join agents.presence p on p.tenant_id = a.tenant_id and p.agent_id = a.id where a.tenant_id = $1 and a.id = $2` };
const PLAIN = { name: 'plain', text: INSERT };
const RECORDED = {
  name: 'recorded',
  text: `with a as (${INSERT}), p as (
      insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count) select tenant_id, id, 'initializing', created_at, 0 from a
      returning status, status_reason, last_heartbeat_at
    ), entry as (
      insert into audit.entry (tenant_id, id, occurred_at, actor_type, actor_name, action, subject_type, subject_id, agent_id, new_state)
      select $1::uuid, $8::uuid, $7::timestamptz, 'service', 'platform', 'agent.created', 'agent', $2::uuid::text, $2::uuid, $9::jsonb from a
    ) select ${COLUMNS} from a cross join p`,
};

async function inTenant(query, values) {
  const client = await pool.connect();
  try {
    await client.query(BEGIN);
    const { rows } = await client.query({ ...query, values });
    await client.query('commit');
    return rows[0];
  } finally {
    client.release();
  }
}

const agentValues = ({ name, type, capabilities, config }) => [tenantId, v7(), name, type, JSON.stringify(capabilities ?? []), JSON.stringify(config ?? {}), new Date()];

fastify.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== `Bearer ${key}`) return reply.code(401).send({ status: 401 });
});
fastify.get('/v1/agents/:id', (request) => inTenant(SELECT, [tenantId, request.params.id]));
fastify.post('/v1/agents', (request, reply) => {
  reply.code(201);
  return inTenant(PLAIN, agentValues(request.body));
});
fastify.post('/v1/agents/recorded', (request, reply) => {
  reply.code(201);
  return inTenant(RECORDED, [...agentValues(request.body), v7(), JSON.stringify(request.body)]);
});

await fastify.listen({ port: Number(port), host: '127.0.0.1' });
process.on('SIGTERM', () => void fastify.close().then(() => pool.end()));
