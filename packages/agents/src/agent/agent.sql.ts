import { insertEntry } from '@agent-hive/audit';
import { currentTenantId, newId, type Sql } from '@agent-hive/kernel';
import { sql, type RawBuilder } from 'kysely';
import type { AgentQuery, AgentRow, CreateAgentDto } from './agent.dto.js';

/** Columns of an AgentRow, from `agents.agent a` and `agents.presence p`. */
export const AGENT_COLUMNS = sql`a.id, a.name, a.type, a.persona_type, a.description, a.model, a.capabilities, a.config, a.external_id, a.project_id,
  a.enhanced_features_enabled, a.performance_score, a.learning_metrics, a.optimization_suggestions, a.ai_metadata, a.last_ai_analysis,
  a.created_at, a.updated_at, a.version, p.status, p.status_reason, p.last_heartbeat_at`;

const FROM = sql`agents.agent a join agents.presence p on p.tenant_id = a.tenant_id and p.agent_id = a.id`;

/** Valid grants of one agent with their tools. Both joins are served by primary keys; one query with the agent itself, never one per agent. */
const TOOLS = sql`
  left join lateral (
    select json_agg(json_build_object('tool_id', t.id, 'name', t.name, 'tool_version', t.tool_version, 'description', t.description,
             'schema', t.schema, 'source', t.source, 'security_level', t.security_level, 'mcp_server_id', t.mcp_server_id,
             'configuration', g.configuration, 'permissions', g.permissions, 'expires_at', g.expires_at, 'granted_at', g.created_at) order by t.name, t.id) as tools
      from agents.tool_grant g join agents.tool t on t.tenant_id = g.tenant_id and t.id = g.tool_id
     where g.tenant_id = a.tenant_id and g.agent_id = a.id and (g.expires_at is null or g.expires_at > ${sql.ref('now.at')})
  ) granted on true`;

const withTools = (now: Date): RawBuilder<unknown> => sql`${FROM} cross join (values (${now}::timestamptz)) as now(at) ${TOOLS}`;

/** One agent by primary key. */
export async function selectAgent(db: Sql, id: string, options: { tools?: boolean } = {}): Promise<AgentRow | undefined> {
  const found = await (options.tools
    ? sql<AgentRow>`select ${AGENT_COLUMNS}, granted.tools from ${withTools(new Date())} where a.tenant_id = ${currentTenantId()} and a.id = ${id}`
    : sql<AgentRow>`select ${AGENT_COLUMNS} from ${FROM} where a.tenant_id = ${currentTenantId()} and a.id = ${id}`
  ).execute(db);
  return found.rows[0];
}

/** Served by agent_external_id_unique. */
export async function selectAgentByExternalId(db: Sql, externalId: string): Promise<AgentRow | undefined> {
  const found = await sql<AgentRow>`select ${AGENT_COLUMNS} from ${FROM} where a.tenant_id = ${currentTenantId()} and a.external_id = ${externalId}`.execute(db);
  return found.rows[0];
}

function conditions(query: AgentQuery): RawBuilder<unknown> {
  const all = [sql`a.tenant_id = ${currentTenantId()}`];
  if (query.status !== undefined) all.push(sql`p.status = ${query.status}`);
  if (query.type !== undefined) all.push(sql`a.type = ${query.type}`);
  if (query.personaType !== undefined) all.push(sql`a.persona_type = ${query.personaType}`);
  if (query.projectId !== undefined) all.push(sql`a.project_id = ${query.projectId}`);
  if (query.name !== undefined) all.push(sql`a.name = ${query.name}`);
  if (query.capability !== undefined) all.push(sql`a.id in (select agent_id from agents.capable(array[${query.capability}::text]))`);
  return sql.join(all, sql` and `);
}

/** A page newest first, with one row more than the page holds. Each filter has its index, which ends in the id. */
export async function selectAgents(db: Sql, query: AgentQuery, before: string | undefined): Promise<AgentRow[]> {
  const keyset = before === undefined ? conditions(query) : sql`${conditions(query)} and a.id < ${before}::uuid`;
  const found = await (query.includeTools
    ? sql<AgentRow>`select ${AGENT_COLUMNS}, granted.tools from ${withTools(new Date())} where ${keyset} order by a.id desc limit ${query.limit + 1}`
    : sql<AgentRow>`select ${AGENT_COLUMNS} from ${FROM} where ${keyset} order by a.id desc limit ${query.limit + 1}`
  ).execute(db);
  return found.rows;
}

/** How many agents match, whatever the page. */
export async function countAgents(db: Sql, query: AgentQuery): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from ${FROM} where ${conditions(query)}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** What a new agent is written with, in the record too. */
export type NewAgent = Required<Pick<CreateAgentDto, 'name' | 'type' | 'capabilities' | 'config' | 'enhancedFeaturesEnabled'>> &
  Pick<CreateAgentDto, 'personaType' | 'description' | 'model' | 'externalId' | 'projectId'>;

/**
 * Writes an agent, its presence and the record's entry in one statement. Undefined when the
 * external id is taken: the conflict is awaited by the unique index, so of two writers exactly one gets a row.
 */
export async function insertAgent(db: Sql, agent: NewAgent): Promise<AgentRow | undefined> {
  const tenantId = currentTenantId();
  const id = newId();
  const now = new Date();
  const entry = insertEntry({ action: 'agent.created', subjectType: 'agent', subjectId: id, agentId: id, newState: { ...agent } }, 'a');
  const made = await sql<AgentRow>`
    with a as (
      insert into agents.agent (tenant_id, id, name, type, persona_type, description, model, capabilities, config, external_id, project_id,
                                enhanced_features_enabled, created_at, updated_at)
      values (${tenantId}, ${id}, ${agent.name}, ${agent.type}, ${agent.personaType ?? null}, ${agent.description ?? null}, ${agent.model ?? null},
              ${JSON.stringify(agent.capabilities)}, ${JSON.stringify(agent.config)}, ${agent.externalId ?? null}, ${agent.projectId ?? null},
              ${agent.enhancedFeaturesEnabled}, ${now}, ${now})
      on conflict (tenant_id, external_id) where external_id is not null do nothing
      returning *
    ), p as (
      insert into agents.presence (tenant_id, agent_id, status, status_changed_at, heartbeat_count)
      select tenant_id, id, 'initializing', created_at, 0 from a
      returning status, status_reason, last_heartbeat_at
    ), entry as (${entry})
    select ${AGENT_COLUMNS} from a cross join p`.execute(db);
  return made.rows[0];
}

/**
 * Locks an agent for a change until the transaction ends; false when it is not there. The presence comes first, as
 * heartbeats lock it before they refer to the agent, and an agent in change may still be referred to. Both by primary key.
 */
export const lockAgent = (db: Sql, id: string): Promise<boolean> => lock(db, id, sql`for no key update`);

/** The same before an agent is deleted: waits for those that are about to refer to it, and keeps new ones out. */
export const lockAgentWhole = (db: Sql, id: string): Promise<boolean> => lock(db, id, sql`for update`);

/** The same for those that are about to refer to it by a plain id: it stays until the transaction ends. */
export async function holdAgent(db: Sql, id: string): Promise<boolean> {
  const found = await sql`select 1 from agents.agent where tenant_id = ${currentTenantId()} and id = ${id} for key share`.execute(db);
  return found.rows.length === 1;
}

async function lock(db: Sql, id: string, strength: RawBuilder<unknown>): Promise<boolean> {
  await sql`select 1 from agents.presence where tenant_id = ${currentTenantId()} and agent_id = ${id} for update`.execute(db);
  const found = await sql`select 1 from agents.agent where tenant_id = ${currentTenantId()} and id = ${id} ${strength}`.execute(db);
  return found.rows.length === 1;
}

/** How many rows of each table go with an agent that is deleted. Each table has an index that begins with the agent, or with its instruction. */
export async function countCascade(db: Sql, id: string): Promise<Record<string, number>> {
  const of = (table: string): RawBuilder<unknown> => sql`select ${table}::text as name, count(*) as count from ${sql.table(table)} where tenant_id = ${currentTenantId()} and agent_id = ${id}`;
  const below = (table: string): RawBuilder<unknown> =>
    sql`select ${table}::text, count(*) from ${sql.table(table)} x join agents.instruction i on i.tenant_id = x.tenant_id and i.id = x.instruction_id
         where x.tenant_id = ${currentTenantId()} and i.agent_id = ${id}`;
  const counted = await sql<{ name: string; count: string }>`
    ${sql.join([...['presence', 'status_change', 'workload', 'instruction', 'tool_grant', 'mcp_server_assignment'].map((name) => of(`agents.${name}`)),
      ...['capability', 'knowledge_domain', 'prompt_template'].map((name) => below(`agents.${name}`))], sql` union all `)}`.execute(db);
  return Object.fromEntries(counted.rows.map(({ name, count }) => [name, Number(count)]));
}

/** Whether the running tenant has the agent. */
export async function agentExists(db: Sql, id: string): Promise<boolean> {
  const found = await sql`select 1 from agents.agent where tenant_id = ${currentTenantId()} and id = ${id}`.execute(db);
  return found.rows.length === 1;
}

/** How many agents a project has. Served by agent_project_index. */
export async function countAgentsOfProject(db: Sql, projectId: string): Promise<number> {
  const found = await sql<{ count: string }>`select count(*) as count from agents.agent where tenant_id = ${currentTenantId()} and project_id = ${projectId}`.execute(db);
  return Number(found.rows[0]!.count);
}

/** Names of the types that the tenant added, which stay until the transaction ends. */
export async function selectTypeNames(db: Sql): Promise<string[]> {
  const found = await sql<{ name: string }>`select name from agents.agent_type where tenant_id = ${currentTenantId()} order by name for key share`.execute(db);
  return found.rows.map((row) => row.name);
}
