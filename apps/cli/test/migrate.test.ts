import { domains } from '@agent-hive/api';
import { migrate, newId, withUpstream } from '@agent-hive/kernel';
import { testDatabase, type TestDatabase } from '@agent-hive/kernel/testing';
import { differences, dumpSchema, type Catalogue } from '../src/catalogue.js';
import { cleanUp, emptyDatabase, runHive, type Env } from './world.js';

const all = withUpstream(...domains);
const kernel = all[0]!;
const first = kernel.migrations[0]!.name;
const second = kernel.migrations[1]!.name;
const total = all.reduce((sum, domain) => sum + domain.migrations.length, 0);

describe('hive migrate [S4.108]', () => {
  let env: Env;
  beforeEach(async () => {
    env = await emptyDatabase();
  });
  afterEach(() => cleanUp());

  const hive = (...args: string[]) => runHive(['migrate', ...args], env);
  const steps = async (...args: string[]) => {
    const { code, out, err } = await hive(...args, '--json');
    expect([code, err.split('\n').filter((line) => line.startsWith('hive:'))]).toEqual([0, []]);
    return (JSON.parse(out) as { domain: string; migration: string; direction: string }[]).map((s) => `${s.direction} ${s.domain}/${s.migration}`);
  };
  const applied = async () => {
    const { out } = await hive('--status', '--json');
    return (JSON.parse(out) as { domain: string; executed: { migration: string }[] }[]).flatMap((s) => s.executed.map((e) => `${s.domain}/${e.migration}`));
  };

  it('applies everything, then nothing [S5.51, S5.65]', async () => {
    expect(await steps()).toHaveLength(total);
    expect(await steps()).toEqual([]);
    expect((await hive()).out).toContain('Nothing to do: the schema is where you want it');
  });

  it('goes to a named migration, up and down, by its whole name or by what it does [S2.44]', async () => {
    expect(await steps('--to', first)).toEqual([`up kernel/${first}`]);
    expect(await applied()).toEqual([`kernel/${first}`]);
    expect(await steps('--to', second.replace(/^Migration\d+_/, ''))).toEqual([`up kernel/${second}`]);
    expect(await steps('--down', '--to', first)).toEqual([`down kernel/${second}`]);
    expect(await applied()).toEqual([`kernel/${first}`]);
  });

  it('goes back only when told to, since data goes with it', async () => {
    await steps('--domain', 'kernel');
    const { code, err } = await hive('--to', first);
    expect(code).toBe(1);
    const later = kernel.migrations.slice(1).map((migration) => migration.name);
    expect(err).toContain(`kernel is past ${first} by ${later.join(', ')}: add --down to undo them`);
    expect(await applied()).toHaveLength(kernel.migrations.length);
  });

  it('goes on only when told to, too', async () => {
    await steps('--to', first);
    const { code, err } = await hive('--down', '--to', second);
    expect([code, err]).toEqual([1, expect.stringContaining(`kernel has not reached ${second}: leave --down away to apply what leads there`)]);
  });

  it.each([
    [['--to', '0'], 2, '0 is the empty schema, and the way there is down: add --down'],
    [['--status', '--down'], 2, "option '--status' cannot be used with option '--down'"],
    [['--status', '--steps', '1'], 2, "option '--status' cannot be used with option '--steps <n>'"],
  ])('is refused where %j contradicts itself', async (args, code, message) => {
    expect(await hive(...args)).toMatchObject({ code, err: expect.stringContaining(message) });
  });

  it('takes so many steps, and one on the way down [S4.103, S4.108]', async () => {
    expect(await steps('--steps', '1')).toEqual([`up kernel/${first}`]);
    await steps();
    const last = all.at(-1)!;
    expect(await steps('--down')).toEqual([`down ${last.name}/${last.migrations.at(-1)!.name}`]);
    expect(await applied()).toHaveLength(total - 1);
  });

  it('shows what ran, what is pending, when and how long [S5.67]', async () => {
    await steps('--domain', 'kernel');
    const { out } = await hive('--status');
    expect(out).toMatch(new RegExp(`^kernel +${first} +applied +\\d{4}-\\d\\d-\\d\\dT\\S+Z +\\d+ ms$`, 'm'));
    expect(out).toMatch(new RegExp(`^audit +${all[1]!.migrations[0]!.name} +pending$`, 'm'));
  });

  it.each([
    ['a migration', ['--to', 'nothing_like_it'], 'No migration nothing_like_it; there are kernel/'],
    ['a domain', ['--domain', 'nowhere'], 'No domain nowhere; there are kernel, audit'],
  ])('names what there is when asked for %s that is not', async (_, args, message) => {
    const { code, err } = await hive(...args);
    expect(code).toBe(1);
    expect(err).toContain(message);
  });
});

describe('every domain', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase(domains);
  });
  afterAll(() => db.close());

  it('comes out of up, down, up as it was [S4.154, S4.103, S4.10, S4.132, S4.164, S3.161]', async () => {
    const before = await dumpSchema(db.orm, domains);
    expect(Object.keys(before).length).toBeGreaterThan(10);
    for (const domain of [...all].reverse()) {
      await migrate(db.database, domains, { direction: 'down', domain: domain.name, to: '0' });
      const gone = await dumpSchema(db.orm, domains);
      expect(Object.keys(gone).filter((name) => name.startsWith(`table ${domain.name}.`))).toEqual([`table ${domain.name}.migrations`]);
    }
    await migrate(db.database, domains);
    expect(differences(before, await dumpSchema(db.orm, domains))).toEqual([]);
  });

  it('takes back with each migration exactly what it brought [S1.63, S1.77, S2.21, S2.56, S2.58, S3.1, S3.169]', async () => {
    await migrate(db.database, domains, { direction: 'down', to: '0' });
    for (const { name: domain, migrations } of all) {
      for (const { name } of migrations) {
        const before = await dumpSchema(db.orm, domains);
        expect(await migrate(db.database, domains, { domain, steps: 1 })).toMatchObject([{ migration: name, direction: 'up' }]);
        const after = await dumpSchema(db.orm, domains);
        expect(differences(before, after).length).toBeGreaterThan(0);
        await migrate(db.database, domains, { domain, steps: 1, direction: 'down' });
        expect(differences(before, await dumpSchema(db.orm, domains))).toEqual([]);
        await migrate(db.database, domains, { domain, steps: 1 });
        expect(differences(after, await dumpSchema(db.orm, domains))).toEqual([]);
      }
    }
  });

  it('has the tables and columns that its entities declare, and no other [S1.7, S1.71, S4.100, S2.41]', async () => {
    const columns = await db.database.execute<{ name: string }>(
      db.orm,
      `select n.nspname || '.' || c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any ('{${all.map((domain) => domain.name).join(',')}}') and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migrations' and a.attnum > 0 and not a.attisdropped`,
    );
    const properties = [...db.orm.getMetadata().getAll().values()].flatMap((meta) => meta.props.filter((property) => property.persist !== false && property.fieldNames).map((property) => ({ meta, property })));
    const declared = properties.flatMap(({ meta, property }) => property.fieldNames.map((column) => `${meta.schema}.${meta.tableName}.${column}`));
    expect(columns.map((row) => row.name).sort()).toEqual([...new Set(declared)].sort());
    expect(declared).toEqual(expect.arrayContaining(['agents.agent.performance_score', 'agents.agent.ai_metadata', 'agents.agent.enhanced_features_enabled']));
  });

  it('keeps the rows of a tenant over the migrations that come after, and over their undoing [S3.164]', async () => {
    // Domains that stand on agents come down first: their keys point to what its last migration brought.
    const above = all.filter((domain) => domain.name !== 'agents' && withUpstream(domain).some(({ name }) => name === 'agents')).reverse();
    const takeBack = async () => {
      for (const { name } of above) await migrate(db.database, domains, { direction: 'down', domain: name, to: '0' });
      await migrate(db.database, domains, { direction: 'down', domain: 'agents', steps: 1 });
    };
    await takeBack();
    const tenant = newId();
    await db.database.execute(db.orm, `insert into agents.agent (tenant_id, id, name, type, created_at, updated_at) values ('${tenant}', '${newId()}', 'survivor', 'general-purpose', now(), now())`);
    const rows = () => db.database.execute(db.orm, `select * from agents.agent where tenant_id = '${tenant}'`);
    const before = await rows();
    expect(before).toMatchObject([{ name: 'survivor' }]);
    await migrate(db.database, domains);
    expect(await rows()).toEqual(before);
    await takeBack();
    expect(await rows()).toEqual(before);
    await migrate(db.database, domains);
  });

  it.each(all.filter((domain) => !all.some((other) => other.upstream.includes(domain))).map((domain) => [domain.name, domain] as const))(
    'can go down and up alone where nothing stands on it: %s',
    async (name) => {
      const before = await dumpSchema(db.orm, domains);
      await migrate(db.database, domains, { direction: 'down', domain: name, to: '0' });
      expect(differences(before, await dumpSchema(db.orm, domains)).length).toBeGreaterThan(0);
      await migrate(db.database, domains);
      expect(differences(before, await dumpSchema(db.orm, domains))).toEqual([]);
    },
  );
});

describe('the difference of two catalogues', () => {
  const of = (columns: Record<string, string>): Catalogue => ({ 'table a.b': { owner: 'hive_owner', columns } });

  it('names what is missing, what is too much, and what is otherwise', () => {
    expect(differences(of({ id: 'uuid not null', name: 'text' }), of({ id: 'uuid', colour: 'text' }))).toEqual([
      'not of any migration: table a.b columns colour: text',
      'changed: table a.b columns id: uuid (migrations give uuid not null)',
      'missing: table a.b columns name: text',
    ]);
  });
});
