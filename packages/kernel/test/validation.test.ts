import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsObject, IsOptional, IsString, MaxLength, Min, ValidateNested } from 'class-validator';
import { Access, IsUniqueList, MaxJsonBytes } from '../src/http/index.js';
import { kernelDomain } from '../src/index.js';
import { testApp, type TestApp } from '../src/testing/index.js';

class PartDto {
  @IsString()
  @MaxLength(100)
  name: string;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(1_000)
  input?: Record<string, unknown>;
}

class ThingDto {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => PartDto)
  parts?: PartDto[];

  @IsOptional()
  @ValidateNested()
  @Type(() => PartDto)
  main?: PartDto;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsUniqueList()
  @IsString({ each: true })
  tags?: string[];

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(65_536)
  data?: Record<string, unknown>;

  @IsOptional()
  @IsObject()
  config?: Record<string, unknown>;

  @IsOptional()
  @IsString()
  text?: string;

  @IsInt()
  @Min(1)
  count: number = 7;
}

/** Twenty fields of the kinds that a task has. */
class WorkDto {
  @IsString() @MaxLength(200) title: string;
  @IsObject() @MaxJsonBytes(65_536) input: Record<string, unknown>;
  @IsOptional() @IsArray() @ArrayMaxSize(20) @IsString({ each: true }) @MaxLength(100, { each: true }) capabilities?: string[];
  @IsOptional() @IsInt() @Min(0) a?: number;
  @IsOptional() @IsInt() @Min(0) b?: number;
  @IsOptional() @IsInt() @Min(0) c?: number;
  @IsOptional() @IsInt() @Min(0) d?: number;
  @IsOptional() @IsInt() @Min(0) e?: number;
  @IsOptional() @IsString() @MaxLength(100) f?: string;
  @IsOptional() @IsString() @MaxLength(100) g?: string;
  @IsOptional() @IsString() @MaxLength(100) h?: string;
  @IsOptional() @IsString() @MaxLength(100) i?: string;
  @IsOptional() @IsString() @MaxLength(100) j?: string;
  @IsOptional() @IsString() @MaxLength(100) k?: string;
  @IsOptional() @IsString() @MaxLength(100) l?: string;
  @IsOptional() @IsString() @MaxLength(100) m?: string;
  @IsOptional() @IsString() @MaxLength(100) n?: string;
  @IsOptional() @IsString() @MaxLength(100) o?: string;
  @IsOptional() @IsObject() @MaxJsonBytes(65_536) p?: Record<string, unknown>;
  @IsOptional() @IsObject() @MaxJsonBytes(65_536) q?: Record<string, unknown>;
}

class BatchDto {
  @IsArray()
  @ArrayMaxSize(1_000)
  @ValidateNested({ each: true })
  @Type(() => WorkDto)
  tasks: WorkDto[];
}

class UnboundedDto {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PartDto)
  parts: PartDto[];
}

@Controller('v1')
class ThingsController {
  @Post('things')
  @HttpCode(200)
  @Access('things:write')
  create(@Body() input: ThingDto): object {
    return { input, isPart: input.parts?.every((part) => part instanceof PartDto) ?? null };
  }

  @Post('batches')
  @HttpCode(200)
  @Access('things:write', { bodyLimitBytes: 16 * 1024 * 1024 })
  createAll(@Body() { tasks }: BatchDto): object {
    return { count: tasks.length, last: tasks.at(-1) };
  }

  @Post('unbounded')
  @Access('things:write')
  never(@Body() _: UnboundedDto): void {
    throw new Error('no request comes here');
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

interface Refusal {
  status: number;
  detail: string;
  errors: { pointer: string; message: string }[];
  moreErrors?: number;
}

/** Far above the work itself, whose half is the test's own, and far below the 4 to 19 s that it took when strangers decided. */
const BUSY_MAX_MS = 1_500;

describe('a body', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await testApp({ domains: [kernelDomain], modules: [ThingsModule] });
    await post({});
  });
  afterAll(() => hive.close());

  const post = (body: unknown) => hive.post<Refusal>('/v1/things', body);
  const many = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i));
  const keys = (count: number) => Object.fromEntries(many(count, (i) => [`key${i}`, i]) as [string, number][]);

  /** Time on the processor, which one thread holds while nothing else is served; a clock would measure what other processes do, too. */
  async function busyMs(work: () => Promise<unknown>): Promise<number> {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }

  it.each<[string, () => object, string, number | undefined]>([
    ['a list of 250,000 empty objects', () => ({ parts: many(250_000, () => ({})) }), '/parts', undefined],
    ['80,000 texts that must differ', () => ({ tags: many(80_000, (i) => `t${i}`) }), '/tags', undefined],
    ['60,000 keys of free-form data', () => ({ data: keys(60_000) }), '/data', undefined],
    ['60,000 unknown fields', () => keys(60_000), '/key0', 59_950],
    ['60,000 unknown fields of a part', () => ({ main: { name: 'a', ...keys(60_000) } }), '/main/key0', 59_950],
    ['60,000 keys where a text should be', () => ({ text: keys(60_000) }), '/text', undefined],
    ['a list of 250,000 empty objects in a list', () => ({ parts: [many(250_000, () => ({}))] }), '/parts/0', undefined],
    ['100 parts with nothing right about them', () => ({ parts: many(100, () => ({ name: 1, x: 1 })) }), '/parts/0/x', 250],
    ['a name of nearly a megabyte that no field has', () => ({ ['x'.repeat(1_000_000)]: 1 }), `/${'x'.repeat(298)}…`, undefined],
  ])('with %s is refused without holding up anyone, in an answer of a few kilobytes', async (_, make, pointer, moreErrors) => {
    const body = JSON.stringify(make());
    expect(body.length).toBeLessThan(1024 * 1024);
    let answer: Awaited<ReturnType<typeof post>> | undefined;
    expect(await busyMs(async () => (answer = await post(body)))).toBeLessThan(BUSY_MAX_MS);
    expect(answer!.body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    expect(answer!.body.errors.length).toBeLessThanOrEqual(50);
    expect(answer!.body.moreErrors).toBe(moreErrors);
    expect(JSON.stringify(answer!.body).length).toBeLessThan(16_384);
  });

  it('with 60,000 keys of a free-form object goes through as it was sent', async () => {
    const config = { ...keys(60_000), toString: 1, constructor: { name: 'x' }, hasOwnProperty: [{ valueOf: null }] };
    let answer: Awaited<ReturnType<typeof post>> | undefined;
    expect(await busyMs(async () => (answer = await post({ config })))).toBeLessThan(BUSY_MAX_MS);
    expect(answer!.body).toEqual({ input: { config, count: 7 }, isPart: null });
  });

  it('becomes instances of its classes, to the parts of a list', async () => {
    const sent = { parts: [{ name: 'a', input: { toString: 1 } }, { name: 'b' }], main: { name: 'c' }, tags: ['x', 'y'], count: 2 };
    expect((await post(sent)).body).toEqual({ input: sent, isPart: true });
  });

  it.each([
    ['an unknown field and a wrong one', { colour: 'red', count: 0 }, ['/colour', '/count']],
    ['a field with the name of a built-in', { constructor: 1, toString: 2 }, ['/constructor', '/toString']],
    ['parts that are no objects', { parts: ['a', null, [{}], { name: 1 }] }, ['/parts/0', '/parts/1', '/parts/2', '/parts/3/name']],
    ['a list for an object, and an object for a list', { main: [{ name: 'a' }], parts: { name: 'a' } }, ['/main', '/parts']],
    ['a text for an object', { main: 'a' }, ['/main']],
    ['a list where an object should be', { data: [1] }, ['/data']],
    ['a text twice', { tags: ['x', 'y', 'x'] }, ['/tags']],
  ])('with %s is told all of it', async (_, body, pointers) => {
    const { errors } = (await post(body)).body;
    expect(errors.map((error) => error.pointer)).toEqual(expect.arrayContaining(pointers));
  });

  it.each([['[]'], ['"text"'], ['5']])('that is no object is refused: %s', async (body) => {
    expect((await post(body)).body).toMatchObject({ status: 422, errors: [{ pointer: '' }] });
  });

  it('that is no UTF-8 is refused, not kept as something else', async () => {
    const body = Buffer.from('{"text":"caf\xe9"}', 'latin1');
    expect((await post(body)).body).toMatchObject({ status: 400, code: 'malformed', detail: 'The body is not valid UTF-8' });
    expect((await post({ text: 'café' })).body).toMatchObject({ input: { text: 'café' } });
  });

  it.each([
    ['of an operation that states none', '/v1/things', 1024 * 1024],
    ['of one that does', '/v1/batches', 16 * 1024 * 1024],
  ])('above the limit %s is told the limit', async (_, path, limitBytes) => {
    const answer = await hive.post(path, JSON.stringify('x'.repeat(limitBytes)));
    expect(answer.body).toMatchObject({ status: 413, code: 'body-too-large', limitBytes, detail: expect.stringContaining(`${limitBytes} bytes`) });
  });

  it('takes a thousand tasks of twenty fields in 16 MiB, where the operation says so', async () => {
    const text = 'x'.repeat(90);
    const task = { title: 't', capabilities: ['a', 'b'], a: 1, b: 2, c: 3, d: 4, e: 5, f: text, g: text, h: text, i: text, j: text, k: text, l: text, m: text, n: text, o: text, p: { x: [1] }, q: {} };
    const tasks = many(1_000, () => ({ ...task, input: { toString: 1, list: many(400, (i) => ({ id: i, name: `item ${i}` })) } }));
    const body = JSON.stringify({ tasks });
    expect(body.length).toBeGreaterThan(11 * 1024 * 1024);
    expect((await hive.post('/v1/batches', body)).body).toMatchObject({ count: 1_000, last: tasks.at(-1) });
  });

  it('whose list of objects has no bound is a mistake of ours, and told as one', async () => {
    expect((await hive.post('/v1/unbounded', { parts: [] })).status).toBe(500);
  });
});
