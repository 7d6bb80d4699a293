import { connect } from 'node:net';
import { Body, ConsoleLogger, Controller, Get, HttpCode, Logger, Module, Param, Post } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { IsOptional, IsString } from 'class-validator';
import { sql } from 'kysely';
import { Access, Public, toProblem } from '../src/http/index.js';
import { kernelDomain, Refused, tenantSql } from '../src/index.js';
import { testApp, testEngine, type TestApp } from '../src/testing/index.js';

class NoteDto {
  @IsOptional()
  @IsString()
  text?: string;
}

const STATEMENTS: Record<string, string> = {
  range: `select 99999999999999::integer`,
  date: `select '+275760-09-13T00:00:00.000Z'::timestamptz`,
  json: `select '"\\ud800"'::jsonb`,
  division: `select 1 / 0`,
  absent: `select from absent`,
  hold: `select pg_sleep(2)`,
  quick: `select 1`,
};

@Controller('v1')
class NotesController {
  constructor(private readonly em: EntityManager) {}

  @Post('notes')
  @HttpCode(200)
  @Access('notes:write')
  create(@Body() input: NoteDto): object {
    return input;
  }

  @Get('notes/:name')
  @Public()
  get(@Param('name') name: string): object {
    return { name };
  }

  @Get('statements/:name')
  @Access('notes:read')
  async run(@Param('name') name: string): Promise<object> {
    if (name === 'broken') throw new Error('nobody foresaw this');
    return tenantSql(this.em, async (db) => ({ rows: (await sql.raw(STATEMENTS[name]!).execute(db)).rows.length }));
  }
}

@Module({ controllers: [NotesController] })
class NotesModule {}

describe('a problem', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await testApp({ domains: [kernelDomain], modules: [NotesModule], poolMax: 2, connectTimeoutMs: 500 });
  });
  afterAll(() => hive.close());

  const problem = (status: number, code: string) => ({ type: `urn:agent-hive:problem:${code}`, title: expect.any(String), status, detail: expect.any(String), code, requestId: expect.any(String) });

  /** Sends bytes as they are; fetch would not send what is wrong about them. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(hive.baseUrl);
      let answer = '';
      const socket = connect(Number(port), hostname, () => socket.end(text));
      socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk)).on('close', () => resolve(answer)).on('error', reject);
    });

  it('keeps its own members, whatever the facts of a failure are called', () => {
    const facts = { status: 'claimed', title: 'a', code: 'b', detail: 'c', type: 'd', taskId: 'e' };
    expect(toProblem(new Refused('Not now', 'task-held', facts), 'mine')).toEqual({ ...problem(409, 'task-held'), detail: 'Not now', requestId: 'mine', taskId: 'e' });
  });

  it.each([
    ['application/x-www-form-urlencoded', 'text=busy'],
    ['text/plain', '{"text":"busy"}'],
    ['application/xml', '<text/>'],
    ['multipart/form-data; boundary=x', '--x--'],
  ])('tells that a body of %s is none of ours', async (type, body) => {
    const answer = await hive.request('POST', '/v1/notes', { body, headers: { 'content-type': type } });
    expect(answer.body).toEqual(problem(415, 'unsupported-media-type'));
  });

  it('has nothing to say of JSON, whatever its charset is called', async () => {
    expect((await hive.request('POST', '/v1/notes', { body: '{"text":"busy"}', headers: { 'content-type': 'application/json; charset=UTF-8' } })).body).toEqual({ text: 'busy' });
    expect((await hive.request('POST', '/v1/notes', { body: '{"__proto__":{"text":1}}' })).body).toEqual(problem(400, 'malformed'));
  });

  it.each([
    ['a part of a path that is too long', `/v1/notes/${'x'.repeat(301)}`, 414, 'path-too-long'],
    ['a path that is no UTF-8', '/v1/notes/%ED%A0%80', 400, 'malformed'],
    ['a path that breaks off', '/v1/notes/%E', 400, 'malformed'],
  ])('tells of %s', async (_, path, status, code) => {
    const answer = await hive.get(path, { headers: { 'x-request-id': 'mine' } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect([answer.body, answer.headers.get('x-request-id')]).toEqual([{ ...problem(status, code), requestId: 'mine' }, 'mine']);
  });

  it.each([
    ['a header that is none', 'GET /v1/notes/a HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400, 'malformed'],
    ['headers that are too large', `GET /v1/notes/a HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
    ['something else than HTTP', '\x16\x03\x01\x02', 400, 'malformed'],
  ])('tells even of %s', async (_, text, status, code) => {
    const [head, body] = (await raw(text)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('content-type: application/problem+json');
    expect(JSON.parse(body!)).toEqual(problem(status, code));
  });

  it.each(['range', 'date', 'json', 'division'])('names a value that only the database refused: %s', async (name) => {
    expect((await hive.get(`/v1/statements/${name}`)).body).toEqual(problem(422, 'invalid'));
  });

  it('is another one for what the database failed at than for what nobody foresaw, and both are logged [S5.78]', async () => {
    const logged: string[] = [];
    const ignored = () => undefined;
    Logger.overrideLogger({ log: ignored, warn: ignored, error: (...args: unknown[]) => void logged.push(args.join(' ')) });
    try {
      expect((await hive.get('/v1/statements/division')).body).toEqual(problem(422, 'invalid'));
      expect((await hive.get('/v1/statements/absent')).body).toEqual(problem(500, 'internal'));
      expect((await hive.get('/v1/statements/broken')).body).toEqual(problem(500, 'internal'));
    } finally {
      Logger.overrideLogger(process.env.HIVE_TEST_LOG ? new ConsoleLogger() : false);
    }
    expect(logged).toEqual([
      expect.stringMatching(/^GET \/v1\/statements\/division failed \(request \S+\).*division by zero/s),
      expect.stringMatching(/^GET \/v1\/statements\/absent failed .*relation "absent" does not exist/s),
      expect.stringMatching(/^GET \/v1\/statements\/broken failed .*nobody foresaw this/s),
    ]);
  });

  const onServer = testEngine() === 'server' ? it : it.skip;
  onServer('asks to come back when all connections are in use (needs a pool: HIVE_TEST_DATABASE_URL)', async () => {
    const answers = await Promise.all(['hold', 'hold', 'quick', 'quick'].map((name) => hive.get(`/v1/statements/${name}`)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 503, 503]);
    expect([answers[2]!.body, answers[2]!.headers.get('retry-after')]).toEqual([problem(503, 'busy'), '1']);
  });
});
