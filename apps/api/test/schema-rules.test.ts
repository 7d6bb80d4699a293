import { readdirSync, readFileSync } from 'node:fs';
import { TASK_STATUSES } from '@agent-hive/tasks';
import { PERSONAS, SESSION_STATES } from '@agent-hive/agents';
import { RETENTION_CLASSES, RISKS, RULE_KINDS, SUBJECT_TYPES, SUGGESTION_CATEGORIES, SUGGESTION_STATUSES } from '@agent-hive/audit';
import { AGENT_MESSAGE_TYPES, DELIVERY_STATES, MESSAGE_ROLES, MESSAGE_TYPES, NOTIFICATION_KINDS } from '@agent-hive/communication';
import { ACCESSES, FORMATS, ITEM_KINDS, KNOWLEDGE_TYPES, PROVIDERS, READ_MODES } from '@agent-hive/knowledge';
import { CHANGE_KINDS, DECISION_TYPES, INTERACTION_STATUSES, INTERACTION_TYPES, METRIC_TYPES, OUTCOMES, USER_FEEDBACK } from '@agent-hive/trust';
import { testDatabase, type TestDatabase } from '@agent-hive/kernel/testing';
import { domains } from '../src/domains.js';
import { root } from './world.js';

/** Tables that no tenant owns, each with the reason. */
const WITHOUT_TENANT: Record<string, string> = {
  'kernel.lease': 'background jobs belong to the process',
  'kernel.schema_version': 'history of the schemas themselves',
  'audit.signing_key': 'the process signs the records of all tenants',
  'identity.tenant': 'is the tenant: its policy shows each its own row',
  'identity.oidc_issuer': 'the tenant is a claim of each token',
};

/** Tables of audit that are no part of the record, each with the reason: what changes them leaves its entry there. */
const NO_RECORD: Record<string, string> = {
  'audit.performance_metric': 'values leave when they are rolled up; none is changed',
  'audit.metric_day': 'days grow by what comes late',
  'audit.optimization_suggestion': 'moves from status to status',
  'audit.review_rule': 'settings',
  'audit.data_key': 'keys are retired',
  'audit.legal_hold': 'holds are released',
  'audit.retention_lock': 'is moved by each run',
  'audit.retention_policy': 'settings',
  'audit.retention_run': 'goes from running to its end',
  'audit.webhook': 'settings',
  'audit.webhook_cursor': 'moves along the feed',
  'audit.webhook_delivery': 'goes from pending to its end, and is forgotten',
};

/** Functions that do what the application may not. */
const OF_THE_OWNER = ['kernel.ensure_months', 'kernel.drop_empty_months', 'audit.remove_entries', 'audit.erase_entries'];

const TENANT = `(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)`;

const PROJECT_STATES = ['planning', 'active', 'paused', 'completed', 'archived'];
const STATUSES = ['initializing', 'active', 'idle', 'busy', 'error', 'shutdown'];

/** Relations of the hive: tables and partitioned parents, never their months, nor MikroORM's own history. */
const OURS = `c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any (array['kernel', ${domains.map((d) => `'${d.name}'`).join(', ')}]) and c.relname <> 'migrations'`;
const RELATIONS = `pg_class c join pg_namespace n on n.oid = c.relnamespace`;
const NAME = `n.nspname || '.' || c.relname`;

describe('the data rules, read from the catalogue', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase(domains);
  });
  afterAll(() => db.close());

  const rows = <T extends object>(sql: string) => db.database.execute<T>(db.orm, sql);
  const column = async (sql: string) => (await rows<{ name: string }>(sql)).map((row) => row.name);
  const withTenant = `exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`;

  it('know every table without a tenant, and no other', async () => {
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and not ${withTenant} order by 1`)).toEqual(Object.keys(WITHOUT_TENANT).sort());
    expect((await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and ${withTenant}`)).length).toBeGreaterThan(15);
  });

  it('1: tenant_id is the first column, not null, and leads the primary key and every other index but HNSW', async () => {
    const first = `select ${NAME} as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' where ${OURS} and (a.attnum <> 1 or not a.attnotnull)`;
    expect(await column(first)).toEqual([]);
    const indexes = `
      select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_class x on x.oid = i.indexrelid join pg_am am on am.oid = x.relam
       where ${OURS} and ${withTenant} and am.amname <> 'hnsw' and i.indkey[0] <> 1`;
    expect(await column(indexes)).toEqual([]);
    const keys = `select ${NAME} as name from ${RELATIONS} where ${OURS} and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')`;
    expect(await column(keys)).toEqual([]);
  });

  it('2: foreign keys carry the tenant on both sides, state their rules, and never set null [S1.78, S2.6, S2.29, S2.31, S2.51, S2.64, S4.101, S4.114, S4.119, S4.123, S4.143, S4.154, S5.80]', async () => {
    const keys = `from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace where k.contype = 'f' and ${OURS}`;
    expect(await column(`select k.conname as name ${keys} and (k.conkey[1] <> 1 or k.confkey[1] <> 1 or k.confdeltype not in ('r', 'c', 'a') or k.confupdtype <> 'a')`)).toEqual([]);
    expect((await column(`select k.conname as name ${keys}`)).length).toBeGreaterThan(10);
    // Along the arrows: the referenced schema comes earlier in the list of domains, or is the same.
    const order = ['kernel', ...domains.map((d) => d.name)];
    const edges = await rows<{ name: string; from: string; to: string }>(`select k.conname as name, n.nspname as "from", k.confrelid::regclass::text as "to" ${keys}`);
    expect(edges.filter((e) => order.indexOf(e.to.split('.')[0]!) > order.indexOf(e.from))).toEqual([]);
  });

  it('2: an index begins with the columns of every foreign key, so that a parent is found to have children without a scan [S4.117, S4.148]', async () => {
    const unserved = `
      select k.conname as name from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       where k.contype = 'f' and ${OURS} and k.conkey <> '{1}'
         and not exists (select from pg_index i where i.indrelid = c.oid and (select array_agg(x order by x) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) x) = (select array_agg(x order by x) from unnest(k.conkey) x))`;
    expect(await column(unserved)).toEqual([]);
  });

  it('calls no column metadata, a name that an ORM keeps for itself [S3.178, S4.161]', async () => {
    const named = `select ${NAME} as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and not a.attisdropped where ${OURS} and a.attname`;
    expect(await column(`${named} = 'metadata'`)).toEqual([]);
    expect((await column(`${named} like '%\\_metadata'`)).length).toBeGreaterThan(3);
  });

  it('2: no foreign key points into a partitioned table', async () => {
    expect(await column(`select k.conname as name from pg_constraint k join pg_class c on c.oid = k.confrelid where k.contype = 'f' and c.relkind = 'p'`)).toEqual([]);
  });

  it('3: row level security is on, forced, and says exactly one thing to the application [S4.96, S1.95, S4.141]', async () => {
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and ${withTenant} and not (c.relrowsecurity and c.relforcerowsecurity)`)).toEqual([]);
    const policies = await rows<{ table: string; name: string; roles: string; command: string; using: string | null; check: string | null }>(`
      select ${NAME} as "table", p.polname as name, array(select coalesce(r::regrole::text, 'public') from unnest(p.polroles) r)::text as roles, p.polcmd::text as command,
             pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as "check"
        from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where ${OURS} and ${withTenant} order by 1, 2`);
    const tables = await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and ${withTenant} order by 1`);
    expect(policies.map(({ table, ...policy }) => [table, policy])).toEqual(
      tables.flatMap((table) => [
        [table, { name: 'ops_all', roles: '{hive_ops}', command: '*', using: 'true', check: 'true' }],
        [table, { name: 'search_read', roles: '{hive_search}', command: 'r', using: 'true', check: null }],
        [table, { name: 'tenant_isolation', roles: '{-}', command: '*', using: TENANT, check: TENANT }],
      ]),
    );
  });

  it('5: the application has DML and nothing more; of the record, only to add and to read [S4.165]', async () => {
    const may = (privilege: string) => `has_table_privilege('hive_app', c.oid, '${privilege}')`;
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and (${may('truncate')} or ${may('references')} or ${may('trigger')})`)).toEqual([]);
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and n.nspname = 'audit' and (${may('update')} or ${may('delete')}) order by 1`)).toEqual(Object.keys(NO_RECORD).sort());
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and not (${may('select')} and ${may('insert')})`)).toEqual([]);
    expect(await rows(`select rolname from pg_roles where rolname in ('hive_app', 'hive_owner', 'hive_ops', 'hive_search') and (rolsuper or rolbypassrls or rolcanlogin)`)).toEqual([]);
    expect(await column(`select ${NAME} as name from ${RELATIONS} where ${OURS} and c.relowner <> 'hive_owner'::regrole`)).toEqual([]);
  });

  it('3: functions that read past the policies belong to hive_search, fix their search path, and are for the application alone', async () => {
    const definers = await rows<{ name: string; owner: string; path: string | null; app: boolean; all: boolean }>(`
      select p.oid::regprocedure::text as name, p.proowner::regrole::text as owner, (select x from unnest(p.proconfig) x where x like 'search_path=%') as path,
             has_function_privilege('hive_app', p.oid, 'execute') as app, exists (select from aclexplode(p.proacl) a where a.grantee = 0) or p.proacl is null as "all"
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where p.prosecdef and n.nspname = any (array['kernel', ${domains.map((d) => `'${d.name}'`).join(', ')}]) order by 1`);
    expect(definers.map((d) => d.name)).toContain('agents.capable(text[])');
    for (const definer of definers) {
      const owner = OF_THE_OWNER.some((name) => definer.name.startsWith(name)) ? 'hive_owner' : 'hive_search';
      expect(definer).toEqual({ name: definer.name, owner, path: 'search_path=pg_catalog', app: true, all: false });
    }
  });

  it('9: every closed list is a CHECK with exactly its values, and every range is one [S4.154, S4.167, S5.81]', async () => {
    const checks = await rows<{ column: string; def: string }>(`
      select ${NAME} || '.' || a.attname as "column", pg_get_constraintdef(k.oid) as def from ${RELATIONS} join pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1] where ${OURS} order by 1`);
    const lists = checks.flatMap(({ column: name, def }) => (/ANY \(\(?ARRAY\[/.test(def) ? [[name, [...def.matchAll(/'([^']*)'::text/g)].map(([, value]) => value!)] as const] : []));
    expect(Object.fromEntries(lists)).toEqual({
      'agents.agent.persona_type': [...PERSONAS],
      'agents.mcp_server.transport': ['stdio', 'http'],
      'agents.presence.status': STATUSES,
      'agents.session.state': [...SESSION_STATES],
      'agents.status_change.from_status': STATUSES,
      'agents.status_change.to_status': STATUSES,
      'agents.tool.security_level': [...RISKS],
      'audit.archive.retention_class': [...RETENTION_CLASSES],
      'audit.entry.actor_type': ['user', 'agent', 'service'],
      'audit.entry.risk': [...RISKS],
      'audit.erasure.subject_type': ['user', 'agent'],
      'audit.leaf.risk': [...RISKS],
      'audit.legal_hold.subject_type': [...SUBJECT_TYPES],
      'audit.retention_policy.retention_class': [...RETENTION_CLASSES],
      'audit.retention_run.state': ['running', 'completed', 'failed', 'abandoned'],
      'audit.optimization_suggestion.category': [...SUGGESTION_CATEGORIES],
      'audit.optimization_suggestion.status': [...SUGGESTION_STATUSES],
      'audit.review_rule.kind': [...RULE_KINDS],
      'communication.agent_message.type': [...AGENT_MESSAGE_TYPES],
      'communication.delivery.state': [...DELIVERY_STATES],
      'communication.message.feedback': ['pending', 'approved', 'rejected', 'modified'],
      'communication.message.message_type': [...MESSAGE_TYPES],
      'communication.message.role': [...MESSAGE_ROLES],
      'communication.notification.kind': [...NOTIFICATION_KINDS],
      'identity.project.state': PROJECT_STATES,
      'identity.project_state.state': PROJECT_STATES,
      'identity.tenant.state': ['active', 'suspended'],
      'kernel.schema_version.direction': ['up', 'down'],
      'knowledge.document.format': [...FORMATS],
      'knowledge.embedding.item_kind': [...ITEM_KINDS],
      'knowledge.embedding_model.provider': [...PROVIDERS],
      'knowledge.memory.access': [...ACCESSES],
      'knowledge.memory.knowledge_type': [...KNOWLEDGE_TYPES],
      'knowledge.memory.read_mode': [...READ_MODES],
      'knowledge.usage.item_kind': [...ITEM_KINDS],
      'audit.webhook_delivery.status': ['pending', 'delivered', 'dead'],
      'tasks.assignment.outcome': ['completed', 'failed', 'cancelled', 'dead'],
      'tasks.attempt.outcome': ['completed', 'failed', 'released', 'expired', 'cancelled', 'deadline_exceeded', 'waiting'],
      'tasks.duration.grouping': ['type', 'agent', 'capability'],
      'tasks.process_run.trigger': ['manual', 'schedule', 'event'],
      'tasks.schedule.catch_up': ['skip', 'one', 'all'],
      'tasks.task.backoff_kind': ['fixed', 'exponential'],
      'tasks.task.child_policy': ['ignore', 'all', 'any'],
      'tasks.task.held_by': ['run_at', 'concurrency_key'],
      'tasks.task.on_dependency_failure': ['cancel', 'keep', 'run'],
      'tasks.task.risk': [...RISKS],
      'tasks.task.status': [...TASK_STATUSES],
      'tasks.task_dependency.type': ['finish_to_start', 'start_to_start', 'finish_to_finish', 'start_to_finish'],
      'trust.decision.decision_type': [...DECISION_TYPES],
      'trust.decision.outcome': [...OUTCOMES],
      'trust.decision.risk': [...RISKS],
      'trust.decision.user_feedback': [...USER_FEEDBACK],
      'trust.incident.severity': [...RISKS],
      'trust.interaction.status': [...INTERACTION_STATUSES],
      'trust.interaction.type': [...INTERACTION_TYPES],
      'trust.level_change.kind': [...CHANGE_KINDS],
      'trust.trust_metric.metric_type': [...METRIC_TYPES],
    });
    const ranges = checks.filter(({ def }) => /\d\) AND \(\w+ <= \d/.test(def)).map(({ column: name }) => name);
    expect(ranges).toEqual(expect.arrayContaining(['agents.agent.performance_score', 'agents.knowledge_domain.priority_level']));
    // A list that is no CHECK would be one that a column of these names has without.
    const named = `select ${NAME} || '.' || a.attname as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.atttypid = 'text'::regtype where ${OURS} and a.attname ~ '(^|_)(status|state|risk|level|transport|persona_type|actor_type)$' order by 1`;
    expect((await column(named)).filter((name) => !lists.some(([listed]) => listed === name))).toEqual([]);
  });

  it('9: every jsonb column states its JSON type [S4.126, S4.154, S2.52]', async () => {
    const unchecked = `
      select ${NAME} || '.' || a.attname as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.atttypid = 'jsonb'::regtype
       where ${OURS} and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and pg_get_constraintdef(k.oid) like '%jsonb_typeof(' || a.attname || ')%')`;
    expect(await column(unchecked)).toEqual(['identity.project.description']);
  });

  it('9: every JSON column says in its entity what is in it [S4.146, S4.160]', async () => {
    const files = readdirSync(root('packages')).flatMap((name) =>
      readdirSync(root(`packages/${name}/src`), { recursive: true, encoding: 'utf8' }).flatMap((file) => (file.endsWith('.entity.ts') ? [`${name}/src/${file}`] : [])),
    );
    const declared = files.flatMap((file) => {
      const lines = readFileSync(root(`packages/${file}`), 'utf8').split('\n');
      return lines.flatMap((line, i) => (/ p\.json</.test(line) ? [{ at: `${file}:${i + 1}`, isTold: / \/\/ ./.test(line) || lines[i - 1]!.endsWith('*/') }] : []));
    });
    expect(declared.filter(({ isTold }) => !isTold)).toEqual([]);
    const columns = await column(`select ${NAME} || '.' || a.attname as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.atttypid in ('json'::regtype, 'jsonb'::regtype) where ${OURS}`);
    expect(declared).toHaveLength(columns.length);
  });

  it('10: nothing that a sharded cluster cannot do: no trigger, no sequence behind a key, one partition level', async () => {
    expect(await column(`select t.tgname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal and ${OURS}`)).toEqual([]);
    expect(await column(`select ${NAME} || '.' || a.attname as name from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.attidentity <> '' where ${OURS}`)).toEqual([]);
    expect(await column(`select c.relname as name from pg_class c where c.relispartition and c.relkind = 'p'`)).toEqual([]);
  });

  it('has 20 indexes and more, GIN ones for JSON among them [S4.158, S4.90, S4.11, S2.34, S2.46, S1.79, S5.72]', async () => {
    const kinds = await rows<{ kind: string; count: string }>(`
      select am.amname as kind, count(*)::int as count from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_class x on x.oid = i.indexrelid join pg_am am on am.oid = x.relam where ${OURS} and not i.indisprimary group by 1`);
    const of = (kind: string) => Number(kinds.find((k) => k.kind === kind)?.count ?? 0);
    expect(of('btree')).toBeGreaterThanOrEqual(20);
    expect(of('gin')).toBeGreaterThanOrEqual(2);
  });
});
