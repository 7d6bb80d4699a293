import type { EntityManager } from '@mikro-orm/postgresql';
import { RawNode, sql, type KyselyPlugin, type PluginTransformQueryArgs, type PluginTransformResultArgs, type QueryResult, type RootOperationNode, type UnknownRow } from 'kysely';
import { tenantRead, type Sql } from '../transaction.js';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Actual Loops'?: number;
  Plans?: PlanNode[];
}

/** How PostgreSQL would run a statement. */
export interface Plan {
  /** Names of the indexes that it reads. */
  indexes: string[];
  /** Names of the tables, months of partitioned ones too, that it touches by whatever means. */
  tables: string[];
  /** Names of the tables that it reads from end to end. */
  scanned: string[];
  /** Names of the indexes that it reads from one end of a tenant to the other: the tenant is all that it looks for. */
  walked: string[];
}

/** Turns each statement into its EXPLAIN, and keeps what comes back. */
class Explaining implements KyselyPlugin {
  readonly plans: Plan[] = [];
  constructor(private readonly options: string) {}

  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    if (!RawNode.is(node)) throw new Error(`explain() reads statements of .sql.ts files, which are raw: not a ${node.kind}`);
    const [first, ...rest] = node.sqlFragments;
    return { ...node, sqlFragments: [`explain (${this.options}) ${first}`, ...rest] };
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    const [row] = result.rows as { 'QUERY PLAN': { Plan: PlanNode }[] }[];
    this.plans.push(planOf(row!['QUERY PLAN'][0]!.Plan));
    return { ...result, rows: [] };
  }
}

const OF_A_TENANT = /^\(+tenant_id = [^()]+\)+$/;

function planOf(root: PlanNode): Plan {
  const all: PlanNode[] = [];
  const walk = (node: PlanNode): void => {
    if (node['Actual Loops'] !== 0) all.push(node);
    node.Plans?.forEach(walk);
  };
  walk(root);
  const names = (values: (string | undefined)[]) => [...new Set(values.filter((value) => value !== undefined))].sort();
  return {
    indexes: names(all.map((node) => node['Index Name'])),
    tables: names(all.map((node) => node['Relation Name'])),
    scanned: names(all.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name'])),
    walked: names(all.filter((node) => OF_A_TENANT.test(node['Index Cond'] ?? '')).map((node) => node['Index Name'])),
  };
}

/**
 * The plans of the statements that a function of a .sql.ts file sends, in the tenant and role of the running context. The
 * statements do not run: the function gets no rows, so what it makes of them is of no use. Analyze the tables first. Scans are
 * allowed, unlike where the statements run (PLANNER), so that an index which is missing shows; `asRun` plans as they run. With
 * `run` they do run, in a transaction that is rolled back, and the plan leaves out what was never touched, such as months found
 * to be out of range.
 */
export async function explain(em: EntityManager, work: (db: Sql) => Promise<unknown>, { asRun = false, run = false } = {}): Promise<Plan[]> {
  const explaining = new Explaining(run ? 'analyze, format json' : 'format json');
  await tenantRead(em, async (db) => {
    if (!asRun) for (const setting of ['enable_seqscan', 'cpu_tuple_cost']) await sql.raw(`set local ${setting} = default`).execute(db);
    await work(db.withPlugin(explaining));
  });
  return explaining.plans;
}
