import { newId, runAs, servicePrincipal } from '@agent-hive/kernel';
import { explain, principal, testEngine, type TestApp } from '@agent-hive/kernel/testing';
import type { TaskDto } from '../src/index.js';
import type { ProcessRunSummaryDto } from '../src/process/process-run.dto.js';
import type { ScheduleDto } from '../src/schedule/schedule.dto.js';
import { lockDue } from '../src/schedule/schedule.sql.js';
import { SchedulesService } from '../src/schedule/schedules.service.js';
import { anAgent, tasksApp } from './world.js';

interface Problem {
  status: number;
  code: string;
  detail: string;
  errors: { pointer: string; message: string }[];
}
interface Entry {
  action: string;
  actor: { name: string };
  details: Record<string, unknown> | null;
}

describe('schedules', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await tasksApp();
  });
  afterAll(() => hive.close());

  let serial = 0;
  const post = (body: object, as = hive.me) => hive.post<ScheduleDto & Problem>('/v1/schedules', { name: `schedule ${++serial}`, cron: '0 * * * *', ...body }, { as });
  async function aSchedule(body: object, as = hive.me): Promise<ScheduleDto> {
    const made = await post({ ...('processId' in body ? {} : { task: { title: 'tick' } }), ...body }, as);
    if (made.status !== 201) throw new Error(`no schedule: ${made.status} ${JSON.stringify(made.body)}`);
    return made.body;
  }
  const patch = ({ id }: ScheduleDto, body: object, match = '*') => hive.patch<ScheduleDto & Problem>(`/v1/schedules/${id}`, body, { headers: { 'if-match': match } });
  const read = async ({ id }: ScheduleDto, as = hive.me) => (await hive.get<ScheduleDto>(`/v1/schedules/${id}`, { as })).body;
  async function aProcess(overrides: object = {}, as = hive.me): Promise<string> {
    const definition = { steps: [{ key: 'a', title: 'of {{parameters.day}}' }], parameters: { properties: { day: { type: 'string' } }, required: ['day'] } };
    const made = await hive.post<{ id: string }>('/v1/processes', { name: `process ${++serial}`, ...definition, ...overrides }, { as });
    if (made.status !== 201) throw new Error(`no process: ${made.status} ${JSON.stringify(made.body)}`);
    return made.body.id;
  }
  /** What the job does, at a moment of the test's choice. */
  const fire = (now: string | Date, as = hive.me, limit?: number): Promise<number> =>
    runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:schedules'), () => hive.app.get(SchedulesService, { strict: false }).fireDue(new Date(now), limit));
  /** Puts a schedule where it would be, had nobody looked at it since. */
  const due = ({ id }: ScheduleDto, at: string) => hive.database.execute(hive.orm, `update tasks.schedule set next_run_at = '${at}' where id = '${id}'`);
  /** The times for which a schedule created tasks, or runs, by their external ids. */
  async function fired({ id }: ScheduleDto): Promise<string[]> {
    const rows = await hive.database.execute<{ external_id: string }>(hive.orm, `select external_id from tasks.task where external_id like 'schedule:${id}:%' order by external_id`);
    return rows.map((row) => row.external_id.slice(`schedule:${id}:`.length));
  }
  const entries = async ({ id }: ScheduleDto, as = hive.me) => (await hive.get<{ items: Entry[] }>(`/v1/audit/entries?subjectType=schedule&subjectId=${id}`, { as })).body.items;

  it('are created, read, listed, changed and deleted', async () => {
    const as = hive.me;
    const made = await post({ name: 'nightly', cron: '30 2 * * *', timeZone: 'Europe/Berlin', task: { title: 'tick', priority: 7, deadlineSeconds: 60 } });
    expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, `/v1/schedules/${made.body.id}`, '"1"']);
    expect(made.body).toEqual({
      id: expect.any(String), name: 'nightly', cron: '30 2 * * *', timeZone: 'Europe/Berlin', catchUp: 'skip', isEnabled: true, processId: null, parameters: {},
      task: { title: 'tick', priority: 7, deadlineSeconds: 60 }, nextRunAt: expect.any(String), lastRunAt: null, lastError: null, version: 1, createdAt: expect.any(String), updatedAt: expect.any(String),
    });
    expect(Date.parse(made.body.nextRunAt!) - Date.now()).toBeLessThanOrEqual(25 * 3_600_000);
    expect(await read(made.body)).toEqual(made.body);
    const page = await hive.get<{ items: ScheduleDto[]; total: number }>('/v1/schedules?limit=1&total=true', { as });
    expect(page.body).toMatchObject({ items: [made.body], nextCursor: null, total: 1 });
    expect((await hive.patch(`/v1/schedules/${made.body.id}`, { name: 'x' })).status).toBe(428);
    expect((await patch(made.body, { name: 'x' }, '"9"')).status).toBe(412);
    const renamed = await patch(made.body, { name: 'weekly', catchUp: 'one' }, '"1"');
    expect(renamed.body).toMatchObject({ name: 'weekly', catchUp: 'one', version: 2, nextRunAt: made.body.nextRunAt });
    expect((await post({ name: 'weekly', task: { title: 't' } })).body).toMatchObject({ status: 409, code: 'conflict' });
    const off = await patch(made.body, { isEnabled: false });
    expect(off.body).toMatchObject({ isEnabled: false, nextRunAt: null });
    const on = await patch(made.body, { isEnabled: true, cron: '0 0 1 1 *', timeZone: 'UTC', task: { title: 'yearly' } });
    expect(on.body).toMatchObject({ isEnabled: true, nextRunAt: expect.stringMatching(/^20\d\d-01-01T00:00:00\.000Z$/), task: { title: 'yearly' } });
    expect((await hive.delete(`/v1/schedules/${made.body.id}`, { headers: { 'if-match': `"${on.body.version}"` } })).status).toBe(204);
    expect((await hive.get(`/v1/schedules/${made.body.id}`)).status).toBe(404);
    expect((await entries(made.body)).map((entry) => entry.action)).toEqual(['schedule.deleted', 'schedule.updated', 'schedule.updated', 'schedule.updated', 'schedule.created']);
  });

  it('create their task when its time has come, and move to the next', async () => {
    const agent = await anAgent(hive);
    const template = { title: 'tick', input: { a: 1 }, queue: 'ticks', assigneeId: agent.id, concurrencyKey: 'k', taskMetadata: { b: 2 }, deadlineSeconds: 90, maxAttempts: 1 };
    const schedule = await aSchedule({ task: template });
    const now = new Date(Date.parse(schedule.nextRunAt!) + 800);
    expect(await fire(new Date(Date.parse(schedule.nextRunAt!) - 1))).toBe(0);
    expect([await fire(now), await fire(now)]).toEqual([1, 0]);
    const { body } = await hive.get<{ items: TaskDto[] }>(`/v1/tasks?externalId=schedule:${schedule.id}:${schedule.nextRunAt}`);
    expect(body.items).toMatchObject([{ title: 'tick', input: { a: 1 }, queue: 'ticks', assigneeId: agent.id, concurrencyKey: 'k', taskMetadata: { b: 2 }, maxAttempts: 1, deadlineAt: new Date(now.getTime() + 90_000).toISOString() }]);
    const moved = await read(schedule);
    expect(moved).toMatchObject({ lastRunAt: schedule.nextRunAt, nextRunAt: new Date(Date.parse(schedule.nextRunAt!) + 3_600_000).toISOString(), lastError: null, version: schedule.version, updatedAt: schedule.updatedAt });
    expect((await entries(schedule))[0]).toMatchObject({ action: 'schedule.fired', actor: { name: 'job:schedules' }, details: { taskId: body.items[0]!.id, at: schedule.nextRunAt } });
  });

  it('start runs of their process, at its latest version [S2.12, S2.18]', async () => {
    const processId = await aProcess({ triggers: ['schedule'] });
    const schedule = await aSchedule({ processId, parameters: { day: 'monday' } });
    expect(schedule).toMatchObject({ processId, parameters: { day: 'monday' }, task: null });
    await hive.post(`/v1/processes/${processId}/versions`, { steps: [{ key: 'x', title: 'new {{parameters.day}}' }, { key: 'y', title: 'y' }], parameters: { properties: { day: {} } } });
    expect(await fire(schedule.nextRunAt!)).toBe(1);
    const { body } = await hive.get<{ items: ProcessRunSummaryDto[] }>(`/v1/processes/${processId}/runs`);
    expect(body.items).toMatchObject([{ trigger: 'schedule', scheduleId: schedule.id, processVersion: 2, parameters: { day: 'monday' }, state: 'running' }]);
    expect((await hive.get(`/v1/process-runs/${body.items[0]!.id}`)).body).toMatchObject({ tasks: [{ step: 'x', title: 'new monday' }, { step: 'y' }] });
    expect(await fired(schedule)).toEqual([schedule.nextRunAt]);
    expect((await hive.get<{ items: ScheduleDto[] }>(`/v1/schedules?processId=${processId}`)).body.items.map(({ id }) => id)).toEqual([schedule.id]);
  });

  const minutes = (...all: number[]) => all.map((minute) => `2027-05-03T12:${String(minute).padStart(2, '0')}:00.000Z`);
  it.each<[string, string, string, string[], string]>([
    ['skip what was missed', 'skip', '2027-05-03T12:09:59.999Z', minutes(9), minutes(10)[0]!],
    ['skip, but do not leave out what is less than 60 s past', 'skip', '2027-05-03T12:00:59.999Z', minutes(0), minutes(1)[0]!],
    ['skip what is 60 s past', 'skip', '2027-05-03T12:01:00.000Z', minutes(1), minutes(2)[0]!],
    ['start one for all that were missed', 'one', '2027-05-03T12:09:30.000Z', minutes(0), minutes(10)[0]!],
    ['start all that were missed', 'all', '2027-05-03T12:05:00.000Z', minutes(0, 1, 2, 3, 4, 5), minutes(6)[0]!],
  ])('%s', async (_, catchUp, now, times, next) => {
    const as = principal();
    const schedule = await aSchedule({ cron: '* * * * *', catchUp }, as);
    await due(schedule, minutes(0)[0]!);
    expect(await fire(now, as)).toBe(times.length);
    expect(await fired(schedule)).toEqual(times);
    expect(await read(schedule, as)).toMatchObject({ nextRunAt: next, lastRunAt: times.at(-1) });
  });

  it('note a time that was skipped', async () => {
    const as = principal();
    const schedule = await aSchedule({ cron: '0 0 * * *' }, as);
    await due(schedule, '2027-05-03T00:00:00Z');
    expect(await fire('2027-05-03T00:01:00Z', as)).toBe(0);
    expect(await read(schedule, as)).toMatchObject({ nextRunAt: '2027-05-04T00:00:00.000Z', lastRunAt: null, lastError: null });
    expect((await entries(schedule, as))[0]).toMatchObject({ action: 'schedule.skipped', details: { missedAt: '2027-05-03T00:00:00.000Z' } });
  });

  it('fire at most 100 times each in one call, so that one with a past leaves room for the others', async () => {
    const as = principal();
    const [past, other] = [await aSchedule({ cron: '* * * * * *', catchUp: 'all' }, as), await aSchedule({}, as)];
    await due(past, '2027-05-03T12:00:00Z');
    await due(other, '2027-05-03T12:10:00Z');
    expect(await fire('2027-05-03T12:10:00Z', as)).toBe(101);
    expect([(await fired(past)).at(-1), await fired(other)]).toEqual(['2027-05-03T12:01:39.000Z', ['2027-05-03T12:10:00.000Z']]);
    expect(await fire('2027-05-03T12:10:00Z', as, 5)).toBe(5);
  });

  describe('that cannot start what they should', () => {
    const [noon, later] = [minutes(0)[0]!, '2027-05-03T12:00:59.000Z'];
    const steps = [{ key: 'a', title: 'a' }];
    const redefine = (processId: string, definition: object, as = hive.me) => hive.post(`/v1/processes/${processId}/versions`, { steps, ...definition }, { as });
    async function ofProcess(as: typeof hive.me): Promise<ScheduleDto & { processId: string }> {
      const schedule = await aSchedule({ processId: await aProcess({ steps, parameters: {} }, as) }, as);
      return { ...schedule, processId: schedule.processId! };
    }
    it.each<[string, (as: typeof hive.me) => Promise<ScheduleDto>, string]>([
      [
        'a process that gave up its trigger',
        async (as) => {
          const schedule = await ofProcess(as);
          await redefine(schedule.processId, { triggers: ['manual'] }, as);
          return schedule;
        },
        'is not started by schedule',
      ],
      [
        'a process that has other parameters now',
        async (as) => {
          const schedule = await ofProcess(as);
          await redefine(schedule.processId, { parameters: { required: ['night'] } }, as);
          return schedule;
        },
        '/parameters/night is required',
      ],
      [
        'a task of a project that is gone',
        async (as) => {
          const project = await hive.post<{ id: string }>('/v1/projects', { name: 'short' }, { as });
          const schedule = await aSchedule({ task: { title: 't', projectId: project.body.id } }, as);
          expect((await hive.delete(`/v1/projects/${project.body.id}`, { as, headers: { 'if-match': '*' } })).status).toBe(204);
          return schedule;
        },
        'No project with id',
      ],
      [
        'a time that was fired before',
        async (as) => {
          const schedule = await aSchedule({}, as);
          await due(schedule, noon);
          expect(await fire(noon, as)).toBe(1);
          return schedule;
        },
        'exists',
      ],
    ])('say why, go on, and keep no other from starting: %s', async (_, broken, reason) => {
      const as = principal();
      const schedule = await broken(as);
      const healthy = await aSchedule({}, as);
      await due(schedule, noon);
      await due(healthy, later);
      const before = await fired(schedule);
      expect(await fire(later, as)).toBe(1);
      expect([await fired(healthy), await fired(schedule)]).toEqual([[later], before]);
      const after = await read(schedule, as);
      expect(after).toMatchObject({ lastError: expect.stringContaining(reason), nextRunAt: '2027-05-03T13:00:00.000Z', version: 1 });
      expect((await entries(schedule, as))[0]).toMatchObject({ action: 'schedule.failed', actor: { name: 'job:schedules' }, details: { at: noon, error: after.lastError } });
      expect((await hive.get<{ items: object[] }>(`/v1/tasks`, { as })).body.items).toHaveLength(before.length + 1);
    });

    it('forget the reason once they can again', async () => {
      const as = principal();
      const schedule = await ofProcess(as);
      await redefine(schedule.processId, { triggers: ['manual'] }, as);
      await due(schedule, noon);
      expect(await fire(noon, as)).toBe(0);
      await redefine(schedule.processId, {}, as);
      expect(await fire('2027-05-03T13:00:00Z', as)).toBe(1);
      expect(await read(schedule, as)).toMatchObject({ lastError: null, lastRunAt: '2027-05-03T13:00:00.000Z' });
      expect((await hive.get<{ items: object[] }>(`/v1/processes/${schedule.processId}/runs`, { as })).body.items).toHaveLength(1);
    });
  });

  it(`fire each time once when several servers do it at once (on the ${testEngine()} engine; the embedded one queues them itself)`, async () => {
    const as = principal();
    const schedules = await Promise.all(Array.from({ length: 6 }, (_, i) => aSchedule({ cron: '* * * * *', catchUp: 'all', ...(i % 2 === 0 ? {} : { task: { title: 'keyed', concurrencyKey: 'k' } }) }, as)));
    const processId = await aProcess({ parameters: {}, steps: [{ key: 'a', title: 'a' }] }, as);
    schedules.push(await aSchedule({ cron: '* * * * *', catchUp: 'all', processId }, as));
    for (const schedule of schedules) await due(schedule, minutes(0)[0]!);
    const counts = await Promise.all(Array.from({ length: 4 }, () => fire(minutes(9)[0]!, as)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(70);
    for (const schedule of schedules) {
      expect(await fired(schedule)).toEqual(minutes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
      expect(await read(schedule, as)).toMatchObject({ nextRunAt: minutes(10)[0], lastError: null });
    }
    expect((await hive.get<{ items: object[] }>(`/v1/processes/${processId}/runs`, { as })).body.items).toHaveLength(10);
  });

  it('do not fire while they are disabled, nor after they were deleted', async () => {
    const [disabled, gone] = [await aSchedule({ isEnabled: false }), await aSchedule({})];
    expect(disabled.nextRunAt).toBeNull();
    await due(gone, minutes(0)[0]!);
    await hive.delete(`/v1/schedules/${gone.id}`, { headers: { 'if-match': '*' } });
    await fire(minutes(0)[0]!);
    expect([await fired(disabled), await fired(gone)]).toEqual([[], []]);
  });

  it('are found by schedule_due_index when their time has come', async () => {
    await hive.database.execute(hive.orm, `
      insert into tasks.schedule (tenant_id, id, name, cron, time_zone, catch_up, is_enabled, parameters, task, next_run_at, created_at, updated_at)
      select '${newId()}', gen_random_uuid(), 'bulk ' || n, '@daily', 'UTC', 'skip', true, '{}', '{}', now() + n * interval '1 minute', now(), now() from generate_series(1, 5000) n`);
    await hive.database.execute(hive.orm, 'analyze tasks.schedule');
    const [plan] = await runAs(hive.orm.em, hive.me, () => explain(hive.orm.em, (db) => lockDue(db, new Date(), [])));
    expect(plan).toMatchObject({ indexes: ['schedule_due_index'], scanned: [] });
  });

  /** Written down by hand from the rules of the zones; the middle ones are the days of the change. */
  describe('when clocks change', () => {
    const times = async (cron: string, timeZone: string, after: string, limit: number) => {
      const schedule = await aSchedule({ cron, timeZone });
      const { body } = await hive.get<{ items: { at: string }[] }>(`/v1/schedules/${schedule.id}/occurrences?limit=${limit}&after=${after}`);
      return body.items.map(({ at }) => at.replace(':00.000Z', 'Z'));
    };
    it.each<[string, string, string, string, string[]]>([
      ['a daily job in the hour that Berlin leaves out fires after it, once that day', '30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', ['2026-03-28T01:30Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z']],
      ['a daily job in the hour that New York leaves out fires after it, once that day', '30 2 * * *', 'America/New_York', '2026-03-06T12:00:00Z', ['2026-03-07T07:30Z', '2026-03-08T07:00Z', '2026-03-09T06:30Z']],
      ['a daily job in the hour that Berlin repeats fires the first time only', '30 2 * * *', 'Europe/Berlin', '2026-10-23T12:00:00Z', ['2026-10-24T00:30Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z']],
      ['a daily job in the hour that New York repeats fires the first time only', '30 1 * * *', 'America/New_York', '2026-10-30T12:00:00Z', ['2026-10-31T05:30Z', '2026-11-01T05:30Z', '2026-11-02T06:30Z']],
      ['two fixed times a day stay two', '30 2,14 * * *', 'Europe/Berlin', '2026-03-28T20:00:00Z', ['2026-03-29T01:00Z', '2026-03-29T12:30Z', '2026-03-30T00:30Z']],
      ['an hourly job fires every real hour over the one that Berlin leaves out', '0 * * * *', 'Europe/Berlin', '2026-03-28T23:30:00Z', ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z']],
      ['an hourly job fires every real hour over the one that New York leaves out', '0 * * * *', 'America/New_York', '2026-03-08T05:30:00Z', ['2026-03-08T06:00Z', '2026-03-08T07:00Z', '2026-03-08T08:00Z']],
      ['an hourly job fires every real hour over the one that Berlin repeats', '0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z']],
      ['an hourly job fires every real hour over the one that New York repeats', '0 * * * *', 'America/New_York', '2026-11-01T04:30:00Z', ['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z']],
      ['a job within the hour that is left out does not run that day if it repeats in it', '*/30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', ['2026-03-30T00:00Z', '2026-03-30T00:30Z']],
      ['a job of a zone without summer time never moves', '30 2 * * *', 'UTC', '2026-03-28T12:00:00Z', ['2026-03-29T02:30Z', '2026-03-30T02:30Z']],
    ])('%s', async (_, cron, timeZone, after, expected) => {
      expect(await times(cron, timeZone, after, expected.length)).toEqual(expected);
    });

    it.each<[string, string, string, string, string[]]>([
      ['spring in Berlin', 'Europe/Berlin', '30 2 * * *', '2026-03-28T00:00:00Z', ['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']],
      ['autumn in Berlin', 'Europe/Berlin', '30 2 * * *', '2026-10-24T00:00:00Z', ['2026-10-24T00:30:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
      ['spring in New York', 'America/New_York', '30 2 * * *', '2026-03-07T05:00:00Z', ['2026-03-07T07:30:00.000Z', '2026-03-08T07:00:00.000Z', '2026-03-09T06:30:00.000Z']],
      ['autumn in New York', 'America/New_York', '30 1 * * *', '2026-10-31T05:00:00Z', ['2026-10-31T05:30:00.000Z', '2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z']],
    ])('a daily job is fired once a day, asked every half hour of three days: %s', async (_, timeZone, cron, from, expected) => {
      const as = principal();
      const schedule = await aSchedule({ cron, timeZone }, as);
      await due(schedule, expected[0]!);
      for (let now = Date.parse(from); now < Date.parse(from) + 72 * 3_600_000; now += 1_800_000) await fire(new Date(now), as);
      expect(await fired(schedule)).toEqual(expected);
    });
  });

  it('list their next times, whether or not they are enabled', async () => {
    const schedule = await aSchedule({ cron: '0 12 29 2 *', isEnabled: false });
    const list = (query: string) => hive.get<{ items: { at: string }[] } & Problem>(`/v1/schedules/${schedule.id}/occurrences?${query}`);
    expect((await list('after=2026-01-01T00:00:00Z&limit=2')).body.items).toEqual([{ at: '2028-02-29T12:00:00.000Z' }, { at: '2032-02-29T12:00:00.000Z' }]);
    const from = await list('');
    expect([from.body.items.length, Date.parse(from.body.items[0]!.at) > Date.now()]).toEqual([10, true]);
    for (const query of ['limit=0', 'limit=101', 'after=tomorrow', 'after=2026-01-01T00:00:00', 'after=2026-01-01', 'after=']) expect((await list(query)).status).toBe(422);
  });

  it('take six fields, names and nicknames', async () => {
    const crons = ['*/5 * * * * *', '0 0 * * MON-FRI', '0 9 L * *', '0 9 * * 5#2', '@weekly'];
    for (const cron of crons) expect((await aSchedule({ cron })).nextRunAt).not.toBeNull();
  });

  const task = { title: 't' };
  it.each<[string, object, string, string]>([
    ['an expression of four fields', { task, cron: '* * * *' }, '/cron', '5 fields'],
    ['an expression of seven fields', { task, cron: '0 0 0 1 1 * 2030' }, '/cron', '7 parts'],
    ['a minute that does not exist', { task, cron: '61 * * * *' }, '/cron', 'Invalid value for minute: 61'],
    ['a step of nothing', { task, cron: '*/0 * * * *' }, '/cron', 'illegal stepping: 0'],
    ['words', { task, cron: 'every day' }, '/cron', 'is no cron expression'],
    ['a date', { task, cron: '2027-01-01T00:00:00' }, '/cron', 'is a date'],
    ['30 February', { task, cron: '0 0 30 2 *' }, '/cron', 'never fires'],
    ['31 of months that have none', { task, cron: '0 0 31 4,6 *' }, '/cron', 'never fires'],
    ['no expression', { task, cron: '' }, '/cron', ''],
    ['an unknown zone', { task, timeZone: 'Mars/Base' }, '/timeZone', 'Mars/Base is no IANA time zone'],
    ['an offset for a zone', { task, timeZone: '+02:00' }, '/timeZone', 'is no IANA time zone'],
    ['an unknown policy', { task, catchUp: 'some' }, '/catchUp', 'skip, one, all'],
    ['nothing to start', {}, '/task', 'either processId or task'],
    ['two things to start', { task, processId: newId() }, '/processId', 'either processId or task'],
    ['parameters of a task', { task, parameters: {} }, '/parameters', 'input'],
    ['a task without a title', { task: {} }, '/task/title', ''],
    ['a task with an external id', { task: { title: 't', externalId: 'x' } }, '/task/externalId', 'unknown field'],
  ])('refuse %s', async (_, body, pointer, message) => {
    expect((await post(body)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([{ pointer, message: expect.stringContaining(message) }]) });
  });

  it('refuse to start what cannot be started', async () => {
    const [byHand, ready] = [await aProcess({ triggers: ['manual'] }), await aProcess()];
    expect((await post({ processId: byHand, parameters: { day: 'x' } })).body).toMatchObject({ status: 409, code: 'not-a-trigger' });
    expect((await post({ processId: ready })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/day' }] });
    expect((await post({ processId: newId() })).body).toMatchObject({ status: 404, noun: 'process' });
    expect((await post({ task: { title: 't', projectId: newId() } })).body).toMatchObject({ status: 404, noun: 'project' });
    expect((await post({ task: { title: 't', assigneeId: newId() } })).body).toMatchObject({ status: 404, noun: 'agent' });
    const [ofTask, ofProcess] = [await aSchedule({}), await aSchedule({ processId: ready, parameters: { day: 'x' } })];
    expect((await patch(ofTask, { parameters: {} })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters' }] });
    expect((await patch(ofProcess, { task })).body).toMatchObject({ status: 422, errors: [{ pointer: '/task' }] });
    expect((await patch(ofProcess, { parameters: { day: 1 } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/day' }] });
    expect((await patch(ofTask, { cron: '0 0 30 2 *' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/cron' }] });
    expect((await patch(ofTask, { timeZone: 'Nowhere' })).body).toMatchObject({ status: 422, errors: [{ pointer: '/timeZone' }] });
    expect(await read(ofTask)).toEqual(ofTask);
  });

  it('are nobody else\'s, and need their scopes', async () => {
    const schedule = await aSchedule({});
    const as = principal();
    expect((await hive.get(`/v1/schedules/${schedule.id}`, { as })).status).toBe(404);
    expect((await hive.get(`/v1/schedules/${schedule.id}/occurrences`, { as })).status).toBe(404);
    expect((await hive.delete(`/v1/schedules/${schedule.id}`, { as, headers: { 'if-match': '*' } })).status).toBe(404);
    await due(schedule, minutes(0)[0]!);
    expect([await fire(minutes(0)[0]!, as), await fired(schedule)]).toEqual([0, []]);
    const reader = principal({ tenantId: hive.me.tenantId, scopes: ['tasks:*'] });
    expect([(await hive.get(`/v1/schedules/${schedule.id}`, { as: reader })).status, (await post({ task }, reader)).status]).toEqual([200, 403]);
  });
});
