import { randomBytes } from 'node:crypto';
import { Migration } from '@mikro-orm/migrations';
import type { Constructor } from '@mikro-orm/postgresql';
import pg from 'pg';
import { Database, domainOrm, kernelDomain, migrate, MigrationFailed, migrationStatus, pendingMigrations, type Domain } from '../src/index.js';
import { testDatabase, testEngine, type TestDatabase } from '../src/testing/index.js';

class Migration20300101000000_good extends Migration {
  override up(): void {
    this.addSql('create table probe.first (id int primary key)');
  }
  override down(): void {
    this.addSql('drop table probe.first');
  }
}

class Migration20300102000000_second extends Migration {
  override up(): void {
    this.addSql('create table probe.second (id int primary key)');
  }
  override down(): void {
    this.addSql('drop table probe.second');
  }
}

class Migration20300103000000_bad extends Migration {
  override up(): void {
    this.addSql('create table probe.third (id int primary key)');
    this.addSql('insert into probe.third select 1 / 0');
  }
}

/** Written by hand: the second step fills a new table from an old one, with a value that is bound and never part of the text. */
class Migration20300104000000_rename extends Migration {
  override async up(): Promise<void> {
    await this.execute('create table probe.named (id int primary key, name text not null)');
    await this.execute('insert into probe.named select id, ? from probe.first', [DEFAULT_NAME]);
  }
  override down(): void {
    this.addSql('drop table probe.named');
  }
}
const DEFAULT_NAME = `Default'; drop table probe.first; --`;

const probe = (...classes: Constructor<Migration>[]): Domain =>
  domainOrm({ name: 'probe', entities: [], upstream: [kernelDomain], migrations: classes.map((c) => ({ name: c.name, class: c })) });

const two = probe(Migration20300101000000_good, Migration20300102000000_second);
const three = probe(Migration20300101000000_good, Migration20300102000000_second, Migration20300103000000_bad);

describe('migrations', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain]);
  });
  afterAll(() => db.close());
  afterEach(() => migrate(db.database, [two], { direction: 'down', domain: 'probe' }));

  const tables = async () => {
    const rows = await db.database.execute<{ name: string }>(db.orm, `select relname as name from pg_class where relnamespace = 'probe'::regnamespace and relkind = 'r' and relname <> 'migrations' order by 1`);
    return rows.map((r) => r.name);
  };

  it('runs in order, tells each step, and does nothing a second time [S5.65, S5.51, S5.42, S3.162, S1.88]', async () => {
    const told: string[] = [];
    await migrate(db.database, [two], { onStep: (step) => told.push(`${step.domain}/${step.migration} ${step.direction}`) });
    expect(told).toEqual(['probe/Migration20300101000000_good up', 'probe/Migration20300102000000_second up']);
    expect(await migrate(db.database, [two])).toEqual([]);
    expect(await tables()).toEqual(['first', 'second']);
  });

  it('goes to a named target, by its full name or what it does, and back to it [S2.44, S4.108]', async () => {
    await migrate(db.database, [two], { to: 'good' });
    expect(await tables()).toEqual(['first']);
    expect(await pendingMigrations(db.database, db.orm, [two])).toEqual(['probe/Migration20300102000000_second']);
    await migrate(db.database, [two]);
    await migrate(db.database, [two], { direction: 'down', to: 'Migration20300101000000_good' });
    expect(await tables()).toEqual(['first']);
    await expect(migrate(db.database, [two], { to: 'nowhere' })).rejects.toThrow(/No migration nowhere; there are .*probe\/Migration20300101000000_good/);
  });

  it('takes single steps up and down [S3.163, S1.72]', async () => {
    await migrate(db.database, [two], { domain: 'probe', steps: 1 });
    expect(await tables()).toEqual(['first']);
    await migrate(db.database, [two], { domain: 'probe', steps: 1 });
    await migrate(db.database, [two], { domain: 'probe', direction: 'down', steps: 1 });
    expect(await tables()).toEqual(['first']);
    await expect(migrate(db.database, [two], { domain: 'nothing' })).rejects.toThrow('No domain nothing; there are kernel, probe');
  });

  it('leaves nothing of a migration that failed, names it, and says why [S3.168, S4.138]', async () => {
    const failing = migrate(db.database, [three]);
    await expect(failing).rejects.toThrow(MigrationFailed);
    await expect(failing).rejects.toThrow(/probe\/Migration20300103000000_bad failed going up, and nothing of it was applied: .*division by zero/s);
    expect(await tables()).toEqual(['first', 'second']);
    expect(await pendingMigrations(db.database, db.orm, [three])).toEqual(['probe/Migration20300103000000_bad']);
  });

  it('is undone with its entry in the history: both are kept, or neither', async () => {
    await migrate(db.database, [two], { to: 'good' });
    await db.database.execute(db.orm, `alter table kernel.schema_version add constraint closed check (migration not like '%_second') not valid`);
    try {
      await expect(migrate(db.database, [two])).rejects.toThrow(/_second failed going up, and nothing of it was applied: .*closed/s);
    } finally {
      await db.database.execute(db.orm, 'alter table kernel.schema_version drop constraint closed');
    }
    expect(await tables()).toEqual(['first']);
    expect(await pendingMigrations(db.database, db.orm, [two])).toEqual(['probe/Migration20300102000000_second']);
  });

  it('reaches the empty schema on the way down alone', async () => {
    await expect(migrate(db.database, [two], { to: '0' })).rejects.toThrow('only the way down');
    expect(await pendingMigrations(db.database, db.orm, [two])).toHaveLength(2);
  });

  it('keeps who ran what, when, for how long and with which checksum, and tells code that changed since [S4.98, S4.115, S4.124, S4.144, S4.154, S4.157, S5.67, S5.68]', async () => {
    await migrate(db.database, [two]);
    const status = (await migrationStatus(db.database, [two])).find((s) => s.domain === 'probe')!;
    expect(status).toMatchObject({ pending: [], unknown: [], changed: [] });
    expect(status.executed[0]).toMatchObject({ migration: 'Migration20300101000000_good', durationMs: expect.any(Number), appliedBy: expect.stringMatching(/.@./), checksum: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const changed = class extends Migration20300102000000_second {
      override up(): void {
        this.addSql('create table probe.other (id int)');
      }
    };
    const altered = domainOrm({ ...two, migrations: [two.migrations[0]!, { name: 'Migration20300102000000_second', class: changed }] });
    expect((await migrationStatus(db.database, [altered])).find((s) => s.domain === 'probe')!.changed).toEqual(['Migration20300102000000_second']);
    expect((await migrationStatus(db.database, [probe(Migration20300101000000_good)])).find((s) => s.domain === 'probe')!.unknown).toEqual(['Migration20300102000000_second']);
  });

  it('copies data by hand-written steps, whatever the values, and keeps it on the way back [S3.164, S3.165, S3.166, S5.8]', async () => {
    const copying = probe(Migration20300101000000_good, Migration20300104000000_rename);
    await migrate(db.database, [copying], { to: 'good' });
    await db.database.execute(db.orm, 'insert into probe.first values (1), (2)');
    await migrate(db.database, [copying]);
    expect(await db.database.execute(db.orm, 'select * from probe.named order by id')).toEqual([{ id: 1, name: DEFAULT_NAME }, { id: 2, name: DEFAULT_NAME }]);
    await migrate(db.database, [copying], { direction: 'down', domain: 'probe', steps: 1 });
    expect(await db.database.execute(db.orm, 'select id from probe.first order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('sends nothing of a migration but when it runs, and tells one that changed by what it executes itself, too', async () => {
    const executing = (name: string) => class extends Migration20300104000000_rename {
      override async up(): Promise<void> {
        await this.execute('create table probe.named (id int primary key, name text not null)');
        const [row] = await this.execute('insert into probe.named values (1, ?) returning id', [name]);
        await this.execute('update probe.named set id = ?', [Number(row!.id) + 1]);
      }
    };
    const of = (name: string) => domainOrm({ ...two, migrations: [two.migrations[0]!, { name: 'Migration20300104000000_rename', class: executing(name) }] });
    expect((await migrationStatus(db.database, [of('a')])).at(-1)).toMatchObject({ executed: [], pending: ['Migration20300101000000_good', 'Migration20300104000000_rename'] });
    expect(await tables()).toEqual([]);
    await migrate(db.database, [of('a')]);
    expect(await db.database.execute(db.orm, 'select * from probe.named')).toEqual([{ id: 2, name: 'a' }]);
    expect((await migrationStatus(db.database, [of('a')])).at(-1)!.changed).toEqual([]);
    expect((await migrationStatus(db.database, [of('b')])).at(-1)!.changed).toEqual(['Migration20300104000000_rename']);
    expect(await db.database.execute(db.orm, 'select * from probe.named')).toEqual([{ id: 2, name: 'a' }]);
    await migrate(db.database, [of('a')], { direction: 'down', domain: 'probe' });
  });

  it('refuses names twice or out of order', () => {
    expect(() => probe(Migration20300102000000_second, Migration20300101000000_good)).toThrow('ascending order');
    expect(() => probe(Migration20300101000000_good, Migration20300101000000_good)).toThrow('distinct names');
  });
});

if (testEngine() === 'server') {
  describe('a server that nobody has used', () => {
    it('is migrated by one process at a time, however many start on it at once', async () => {
      const url = new URL(process.env.HIVE_TEST_DATABASE_URL!);
      const admin = new pg.Client({ connectionString: url.href });
      await admin.connect();
      const name = `hive_test_${randomBytes(8).toString('hex')}`;
      await admin.query(`create database ${name}`);
      url.pathname = `/${name}`;
      const databases = await Promise.all([1, 2, 3].map(() => Database.open({ engine: 'server', url: url.href, allowSuperuser: true })));
      const ran = await Promise.all(databases.map((database) => migrate(database, [two])));
      expect(ran.map((steps) => steps.length).sort()).toEqual([0, 0, kernelDomain.migrations.length + 2]);
      for (const database of databases) await database.close();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    });
  });
}

describe('months of a partitioned table', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase([kernelDomain]);
    await db.database.execute(db.orm, `create schema probe authorization hive_owner`);
    await db.database.execute(db.orm, `create table probe.log (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id)) partition by range (id)`);
    await db.database.execute(db.orm, `alter table probe.log owner to hive_owner`);
  });
  afterAll(() => db.close());

  it('are made ahead once, take the ids of their time, and refuse others loudly', async () => {
    const made = () => db.database.execute<{ name: string }>(db.orm, `select kernel.ensure_months('probe.log', '2026-11-23T00:00:00Z', 2) as name`);
    expect((await made()).map((r) => r.name)).toEqual(['log_202611', 'log_202612', 'log_202701']);
    expect(await made()).toEqual([]);
    const insert = (at: string) => db.database.execute(db.orm, `insert into probe.log values (gen_random_uuid(), kernel.id_floor('${at}')) returning tableoid::regclass::text as into`);
    expect(await insert('2026-11-01T00:00:00Z')).toEqual([{ into: 'probe.log_202611' }]);
    expect(await insert('2027-01-31T23:59:59.999Z')).toEqual([{ into: 'probe.log_202701' }]);
    await expect(insert('2027-02-01T00:00:00Z')).rejects.toThrow(/no partition/);
  });

  it('are out of direct reach, and only of tables that are the hive\'s', async () => {
    const [grants] = await db.database.execute<{ reads: boolean; rls: boolean; forced: boolean }>(
      db.orm,
      `select has_table_privilege('hive_app', 'probe.log_202611', 'select') as reads, relrowsecurity as rls, relforcerowsecurity as forced from pg_class where oid = 'probe.log_202611'::regclass`,
    );
    expect(grants).toEqual({ reads: false, rls: true, forced: true });
    await expect(db.database.execute(db.orm, `select kernel.ensure_months('pg_catalog.pg_class', now(), 1)`)).rejects.toThrow('no partitioned table of the hive');
  });
});

describe('a database that nobody has used', () => {
  it('has everything pending, and stays as it is when that is asked', async () => {
    const database = await Database.open({ engine: 'embedded', dataDir: 'memory://' });
    expect(await migrationStatus(database, [two])).toMatchObject([
      { domain: 'kernel', executed: [], pending: kernelDomain.migrations.map((m) => m.name), unknown: [], changed: [] },
      { domain: 'probe', executed: [], pending: two.migrations.map((m) => m.name) },
    ]);
    const orm = await database.orm({ entities: [], login: 'app' });
    expect(await database.execute(orm, `select nspname from pg_namespace where nspname in ('kernel', 'probe')`)).toEqual([]);
    expect(await database.execute(orm, `select rolname from pg_roles where rolname like 'hive%'`)).toEqual([]);
    await database.close();
  });
});

describe('a database that cannot serve', () => {
  it('is refused with the address and no password when it cannot be reached', async () => {
    const database = await Database.open({ engine: 'server', url: 'postgres://someone:secret@127.0.0.1:1/none', connectTimeoutMs: 500 });
    const failing = migrate(database, [kernelDomain]);
    await expect(failing).rejects.toThrow(/127\.0\.0\.1:1/);
    await expect(failing).rejects.not.toThrow(/secret/);
    await database.close();
  });
});
