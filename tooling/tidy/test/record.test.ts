import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entitiesKnowNoNest } from '../src/rules/entities-know-no-nest.ts';
import { erasedInjection } from '../src/rules/erased-injection.ts';
import { foreignWrites } from '../src/rules/foreign-writes.ts';
import { writesAroundTheRecord } from '../src/rules/writes-around-the-record.ts';
import { found, manifest } from './world.ts';

const packages = {
  'packages/agents/package.json': manifest('agents'),
  'packages/audit/package.json': manifest('audit'),
  'apps/api/package.json': manifest('api'),
};

describe('entities-know-no-nest', () => {
  test('refuses Nest in an entity, its types too', () => {
    const files = { 'packages/agents/src/agent.entity.ts': `import type { Type } from '@nestjs/common';\nconst swagger = await import('@nestjs/swagger');` };
    assert.deepEqual(found(entitiesKnowNoNest, files), ['packages/agents/src/agent.entity.ts:1 an entity imports @nestjs/common', 'packages/agents/src/agent.entity.ts:2 an entity imports @nestjs/swagger']);
  });

  test('accepts the ORM there, and Nest elsewhere', () => {
    const files = { 'packages/agents/src/agent.entity.ts': `import { p } from '@mikro-orm/postgresql';`, 'packages/agents/src/agents.service.ts': `import '@nestjs/common';` };
    assert.deepEqual(found(entitiesKnowNoNest, files), []);
  });
});

describe('foreign-writes', () => {
  const statements = [
    'sql`insert into audit.entry (id) values (1)`',
    'sql`update only "audit"."entry" set a = 1`',
    `'delete from ' + 'audit.entry'`,
    'sql`with gone as (delete from audit.entry returning id) select 1`',
    `'truncate table audit.entry'`,
    `'alter table if exists audit.entry add column a int'`,
    `'create unique index concurrently i on audit.entry (id)'`,
    `'create policy p on audit.entry using (true)'`,
    `'drop schema if exists audit cascade'`,
    'sql`insert into ${sql.table("audit.entry")} values (1)`',
    `db.insertInto('audit.entry').values({})`,
    'sql`update ${ENTRY} set a = 1`',
  ];

  test('refuses every kind of write, however it is put together', () => {
    const files = { ...packages, 'packages/agents/src/agent.sql.ts': `const ENTRY = sql\`audit.entry\`;\n${statements.join(';\n')};` };
    assert.deepEqual(
      found(foreignWrites, files).map((breach) => Number(/:(\d+) /.exec(breach)![1])).sort((a, b) => a - b),
      statements.map((_, i) => i + 2),
    );
    const [first] = found(foreignWrites, files);
    assert.equal(first, "packages/agents/src/agent.sql.ts:2 insert into in schema audit, which is another package's");
  });

  test('refuses them in migrations and in apps', () => {
    const files = { ...packages, 'packages/agents/src/migrations/M.ts': `this.addSql('drop table audit.entry');`, 'apps/api/src/a.ts': "sql`update agents.agent set name = 'x'`" };
    assert.deepEqual(found(foreignWrites, files), [
      "apps/api/src/a.ts:1 update in schema agents, which is another package's",
      "packages/agents/src/migrations/M.ts:1 drop in schema audit, which is another package's",
    ]);
  });

  test('accepts reads, writes of its own, references of foreign keys, prose, tests and testing entry points', () => {
    const files = {
      ...packages,
      'packages/agents/src/agent.sql.ts': [
        'sql`select * from audit.entry e join agents.agent a on true for update of a`',
        'sql`insert into agents.agent select id from audit.entry`',
        `'create function agents.capable(text) returns setof uuid as $$ select id from audit.entry $$'`,
        '// insert into audit.entry is not ours',
        `throw new Error('cannot update entries.now')`,
      ].join(';\n'),
      'packages/agents/src/migrations/M.ts': `'alter table agents.agent add constraint f foreign key (a) references audit.entry (id) on update no action'`,
      'packages/agents/test/a.test.ts': `'delete from audit.entry'`,
      'packages/agents/src/testing/world.ts': `'delete from audit.entry'`,
    };
    assert.deepEqual(found(foreignWrites, files), []);
  });
});

describe('writes-around-the-record', () => {
  const writes = [
    'em.nativeUpdate(Agent, {}, {})',
    'this.em.nativeDelete(Agent, {})',
    'await em.insert(Agent, {})',
    'this.em.fork().upsertMany(Agent, [])',
    'em.getRepository(Agent).insert({})',
    'em.createQueryBuilder(Agent).insert({})',
    'builder.where({}).update({})',
    `em.getConnection().execute('select 1')`,
    `connection.execute('select 1')`,
    `db.updateTable('agents.agent').set({})`,
    'sql`update agents.agent set a = 1`.execute(db)',
    'sql`delete from ${table} where true`.execute(db)',
  ];
  const service = `const builder = em.createQueryBuilder(Agent);\nconst connection = this.em.getConnection();\n${writes.join(';\n')};`;

  test('refuses each in a service and in an app', () => {
    const files = { ...packages, 'packages/agents/src/agents.service.ts': service, 'apps/api/src/a.ts': 'em.upsert(Agent, {})' };
    const breaches = found(writesAroundTheRecord, files);
    assert.deepEqual(
      breaches.filter((breach) => breach.startsWith('packages')).map((breach) => Number(/:(\d+) /.exec(breach)![1])).sort((a, b) => a - b),
      writes.map((_, i) => i + 3),
    );
    assert.equal(breaches[0], 'apps/api/src/a.ts:1 em.upsert writes past the record');
  });

  test('accepts them in .sql.ts files, the kernel, migrations and tests, and what only has such a name', () => {
    const files = {
      ...packages,
      'packages/agents/src/agent.sql.ts': service,
      'packages/kernel/src/lease.ts': service,
      'packages/agents/src/migrations/M.ts': service,
      'packages/agents/test/a.test.ts': service,
      'packages/agents/src/agents.service.ts': [
        'this.types.upsert(name, input)',
        'set.delete(1)',
        `createHash('sha256').update('a')`,
        'em.createQueryBuilder(Agent).select("*").execute()',
        'sql`select * from agents.agent for update`.execute(db)',
        'this.agents.insert(x)',
      ].join(';\n'),
    };
    assert.deepEqual(found(writesAroundTheRecord, files), []);
  });
});

describe('erased-injection', () => {
  test('refuses types where Nest needs classes', () => {
    const files = {
      'packages/agents/src/agents.controller.ts': `
import type { AgentsService } from './agents.service.js';
import { type CreateAgentDto, AgentDto } from './agent.dto.js';
import type * as dto from './agent.dto.js';
@Controller()
export class AgentsController {
  constructor(private readonly agents: AgentsService) {}
  create(@Body() input: CreateAgentDto) {}
  list(@Query() query: dto.AgentQuery) {}
}`,
    };
    assert.deepEqual(found(erasedInjection, files), [
      'packages/agents/src/agents.controller.ts:7 AgentsService is needed at run time and imported as a type',
      'packages/agents/src/agents.controller.ts:8 CreateAgentDto is needed at run time and imported as a type',
      'packages/agents/src/agents.controller.ts:9 dto is needed at run time and imported as a type',
    ]);
  });

  test('accepts values, tokens, plain classes and plain parameters', () => {
    const files = {
      'packages/agents/src/agents.service.ts': `
import { AgentsHooks } from './agents.hooks.js';
import type { Settings, CreateAgentDto } from './agent.dto.js';
@Injectable()
export class AgentsService {
  constructor(private readonly hooks: AgentsHooks, @Inject(SETTINGS) private readonly settings: Settings) {}
  create(input: CreateAgentDto) {}
}
class Plain { constructor(readonly settings: Settings) {} }`,
    };
    assert.deepEqual(found(erasedInjection, files), []);
  });
});
