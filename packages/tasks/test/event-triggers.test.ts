import { insertEntries, SealingService } from '@agent-hive/audit';
import { newId, runAs, servicePrincipal, tenantSql } from '@agent-hive/kernel';
import { principal, type TestApp } from '@agent-hive/kernel/testing';
import type { EventTriggerDto } from '../src/event-trigger/event-trigger.dto.js';
import { EventTriggersService } from '../src/index.js';
import type { ProcessRunSummaryDto } from '../src/process/process-run.dto.js';
import { aTask, anAgent, claim, complete, read, tasksApp } from './world.js';

interface Problem {
  status: number;
  code: string;
  errors: { pointer: string; message: string }[];
}

describe('event triggers', () => {
  let hive: TestApp;
  let as = principal();
  beforeAll(async () => {
    hive = await tasksApp();
  });
  beforeEach(() => {
    as = principal();
  });
  afterAll(() => hive.close());

  let serial = 0;
  const post = (body: object) => hive.post<EventTriggerDto & Problem>('/v1/event-triggers', { name: `trigger ${++serial}`, actions: ['task.completed'], ...body }, { as });
  async function aTrigger(body: object): Promise<EventTriggerDto> {
    const made = await post(body);
    if (made.status !== 201) throw new Error(`no trigger: ${made.status} ${JSON.stringify(made.body)}`);
    return made.body;
  }
  const patch = ({ id }: { id: string }, body: object, match = '*') => hive.patch<EventTriggerDto & Problem>(`/v1/event-triggers/${id}`, body, { as, headers: { 'if-match': match } });
  const get = async ({ id }: { id: string }) => (await hive.get<EventTriggerDto>(`/v1/event-triggers/${id}`, { as })).body;
  async function aProcess(overrides: object = {}): Promise<string> {
    const definition = { steps: [{ key: 'a', title: 'after {{parameters.what}}' }], parameters: { properties: { what: { type: 'string', default: 'it' }, sequence: { type: 'integer' } } } };
    const made = await hive.post<{ id: string }>('/v1/processes', { name: `process ${++serial}`, ...definition, ...overrides }, { as });
    if (made.status !== 201) throw new Error(`no process: ${made.status} ${JSON.stringify(made.body)}`);
    return made.body.id;
  }
  const runsOf = async (processId: string) => (await hive.get<{ items: ProcessRunSummaryDto[] }>(`/v1/processes/${processId}/runs?limit=100`, { as })).body.items;

  async function seal(): Promise<void> {
    const isBehind = `select 1 from audit.entry e where e.tenant_id = '${as.tenantId}' and not exists (select from audit.leaf l where l.tenant_id = e.tenant_id and l.entry_id = e.id) limit 1`;
    while ((await hive.database.execute(hive.orm, isBehind)).length > 0) await runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:seal'), () => hive.app.get(SealingService, { strict: false }).seal());
  }
  /** What the jobs do: seal, and fire. */
  async function fire(now?: Date): Promise<number> {
    await seal();
    return runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:event-triggers'), () => hive.app.get(EventTriggersService, { strict: false }).fire(now));
  }
  /** Things that happen, as a domain records them. */
  const happen = (...entries: { action: string; subjectType?: string; subjectId?: string; agentId?: string; details?: Record<string, unknown> }[]) =>
    runAs(hive.orm.em, as, () => tenantSql(hive.orm.em, (db) => insertEntries(entries.map((entry) => ({ subjectType: 'file', subjectId: newId(), ...entry }))).execute(db)));
  /** Completes all tasks that can be claimed; returns how many. */
  async function work(): Promise<number> {
    const agent = await anAgent(hive, {}, { as });
    const held = await claim(hive, agent, { limit: 100 }, { as });
    for (const one of held) await complete(hive, one, {}, { as });
    return held.length;
  }
  const entries = async ({ id }: { id: string }) => (await hive.get<{ items: { action: string; details: Record<string, unknown> }[] }>(`/v1/audit/entries?subjectType=event_trigger&subjectId=${id}`, { as })).body.items;

  it('are created, read, listed, changed and deleted', async () => {
    const processId = await aProcess();
    const made = await post({ name: 'follow up', processId, actions: ['task.completed', 'agent.*'], filter: { subjectType: 'task' }, parameters: { what: '{{event.subject.id}}' } });
    expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, `/v1/event-triggers/${made.body.id}`, '"1"']);
    expect(made.body).toMatchObject({ name: 'follow up', processId, actions: ['task.completed', 'agent.*'], filter: { subjectType: 'task' }, parameters: { what: '{{event.subject.id}}' }, maxPerMinute: 60, isEnabled: true, lastFiredAt: null, lastError: null, version: 1 });
    expect(await get(made.body)).toEqual(made.body);
    expect((await hive.get(`/v1/event-triggers?limit=1&total=true&processId=${processId}`, { as })).body).toEqual({ items: [made.body], nextCursor: null, total: 1 });
    expect((await hive.patch(`/v1/event-triggers/${made.body.id}`, { name: 'x' }, { as })).status).toBe(428);
    expect((await patch(made.body, { name: 'x' }, '"9"')).status).toBe(412);
    expect((await patch(made.body, { maxPerMinute: 5, filter: {} }, '"1"')).body).toMatchObject({ maxPerMinute: 5, filter: {}, version: 2 });
    expect(await post({ name: 'follow up', processId })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await hive.delete(`/v1/event-triggers/${made.body.id}`, { as, headers: { 'if-match': '"2"' } })).status).toBe(204);
    expect((await hive.get(`/v1/event-triggers/${made.body.id}`, { as })).status).toBe(404);
    expect((await entries(made.body)).map(({ action }) => action)).toEqual(['event_trigger.deleted', 'event_trigger.updated', 'event_trigger.created']);
  });

  it('start a run by each event that matches, once, with what the event has', async () => {
    const processId = await aProcess();
    const trigger = await aTrigger({ processId, actions: ['file.*'], filter: { agentId: '01990000-0000-7000-8000-000000000001' }, parameters: { what: '{{event.action}} of {{event.details.path}} by {{event.actor.name}}{{event.details.nothing}}', sequence: '{{event.sequence}}' } });
    const agentId = '01990000-0000-7000-8000-000000000001';
    await happen({ action: 'file.moved', agentId, details: { path: 'a.txt' } }, { action: 'file.moved', details: { path: 'other agent' } }, { action: 'other', agentId }, { action: 'file.gone', agentId, details: { path: 'b.txt' } });
    expect([await fire(), await fire()]).toEqual([2, 0]);
    const runs = await runsOf(processId);
    expect(runs.map(({ parameters }) => parameters.what)).toEqual(['file.gone of b.txt by test', 'file.moved of a.txt by test']);
    expect(runs[0]).toMatchObject({ trigger: 'event', eventTriggerId: trigger.id, scheduleId: null, parameters: { sequence: expect.any(Number) } });
    const fired = await get(trigger);
    expect(fired).toMatchObject({ lastError: null, lastFiredAt: expect.any(String), version: 1 });
    expect((await entries(trigger))[0]).toMatchObject({ action: 'event_trigger.fired', details: { eventAction: 'file.gone', processRunId: runs[0]!.id, sequence: runs[0]!.parameters.sequence } });
  });

  it('fire once for each event, whoever asks at the same time', async () => {
    const processId = await aProcess();
    await aTrigger({ processId, actions: ['file.moved'] });
    await happen(...Array.from({ length: 12 }, () => ({ action: 'file.moved' })));
    await seal();
    const fired = await Promise.all(Array.from({ length: 4 }, () => runAs(hive.orm.em, servicePrincipal(as.tenantId, 'job:event-triggers'), () => hive.app.get(EventTriggersService, { strict: false }).fire())));
    expect(fired.reduce((sum, n) => sum + n, 0) + (await fire())).toBe(12);
    expect(await runsOf(processId)).toHaveLength(12);
  });

  it('do nothing for events from before, or while they are disabled', async () => {
    const processId = await aProcess();
    await happen({ action: 'file.moved' });
    await seal();
    const trigger = await aTrigger({ processId, actions: ['file.moved'] });
    expect(await fire()).toBe(0);
    await patch(trigger, { isEnabled: false });
    await happen({ action: 'file.moved' });
    expect(await fire()).toBe(0);
    await patch(trigger, { isEnabled: true });
    expect(await fire()).toBe(0);
    await happen({ action: 'file.moved' });
    expect(await fire()).toBe(1);
  });

  it('are not started again by what their own runs do, directly or through others', async () => {
    const [first, second] = [await aProcess(), await aProcess()];
    await aTrigger({ processId: first, actions: ['task.completed'] });
    await aTrigger({ processId: second, actions: ['task.*', 'process_run.*'], filter: {} });
    const task = await aTask(hive, {}, { as });
    expect(await work()).toBe(1);
    for (let round = 0; round < 8; round++) {
      await fire();
      if ((await work()) === 0 && round > 2) break;
    }
    expect(await read(hive, task, { as })).toMatchObject({ status: 'completed' });
    expect(await fire()).toBe(0);
    expect(await work()).toBe(0);
    // Each of the events of the first task, and of those of the other trigger's runs, but never of its own.
    const runs = [...(await runsOf(first)), ...(await runsOf(second))];
    expect(runs.length).toBeGreaterThan(2);
    expect(runs.length).toBeLessThan(100);
    const lineages = await hive.database.execute<{ lineage: string[] }>(hive.orm, `select lineage from tasks.process_run where tenant_id = '${as.tenantId}'`);
    for (const { lineage } of lineages) expect(new Set(lineage).size).toBe(lineage.length);
  });

  it('that every event starts are not started by what they record themselves', async () => {
    const processId = await aProcess();
    await aTrigger({ processId, actions: ['*'], maxPerMinute: 1000 });
    await happen({ action: 'file.moved' });
    const counts: number[] = [];
    for (let round = 0; round < 4; round++) counts.push(await fire());
    // The trigger is made, and the agents and processes of this test were before.
    expect(counts[0]).toBeGreaterThanOrEqual(1);
    expect(counts.slice(1)).toEqual([0, 0, 0]);
  });

  it('start no more runs in a minute than they may; the events wait', async () => {
    const processId = await aProcess();
    await aTrigger({ processId, actions: ['file.moved'], maxPerMinute: 3 });
    await happen(...Array.from({ length: 5 }, () => ({ action: 'file.moved' })));
    expect([await fire(), await fire(), await fire(new Date(Date.now() + 61_000))]).toEqual([3, 0, 2]);
  });

  it('note an event that could not start its run, and go on with the next', async () => {
    const processId = await aProcess();
    const trigger = await aTrigger({ processId, actions: ['file.*'], parameters: { sequence: '{{event.details.n}}' } });
    await happen({ action: 'file.bad', details: { n: 'many' } }, { action: 'file.good', details: { n: 7 } });
    expect(await fire()).toBe(1);
    expect((await runsOf(processId)).map(({ parameters }) => parameters.sequence)).toEqual([7]);
    expect((await entries(trigger)).map(({ action }) => action)).toEqual(['event_trigger.fired', 'event_trigger.failed', 'event_trigger.created']);
    await happen({ action: 'file.bad', details: { n: 'many' } });
    await fire();
    expect(await get(trigger)).toMatchObject({ lastError: expect.stringContaining('/parameters/sequence') });
    await hive.post(`/v1/processes/${processId}/versions`, { steps: [{ key: 'x', title: 'x' }], triggers: ['manual'] }, { as });
    await happen({ action: 'file.good', details: { n: 8 } });
    expect(await fire()).toBe(0);
    expect(await get(trigger)).toMatchObject({ lastError: expect.stringContaining('is not started by event') });
  });

  it('of another tenant are nowhere, and nothing of theirs starts anything here', async () => {
    const processId = await aProcess();
    const trigger = await aTrigger({ processId, actions: ['file.moved'] });
    const own = as;
    as = principal();
    expect([(await hive.get(`/v1/event-triggers/${trigger.id}`, { as })).status, (await patch(trigger, { name: 'x' })).status, (await post({ processId })).status]).toEqual([404, 404, 404]);
    await happen({ action: 'file.moved' });
    await fire();
    as = own;
    expect(await fire()).toBe(0);
  });

  it.each([
    ['a process that is not started by events', { triggers: ['manual'] }, {}, 409, 'not-a-trigger'],
    ['a placeholder of what no event has', {}, { parameters: { what: { deep: ['{{event.colour}}'] } } }, 422, '/parameters/what/deep/0'],
    ['a placeholder of a field that only begins so', {}, { parameters: { what: '{{event.subjects}}' } }, 422, '/parameters/what'],
    ['a pattern that is none', {}, { actions: ['*.completed'] }, 422, '/actions'],
    ['no action', {}, { actions: [] }, 422, '/actions'],
    ['an unknown filter', {}, { filter: { colour: 'red' } }, 422, '/filter/colour'],
    ['an agent that is no id', {}, { filter: { agentId: 'x' } }, 422, '/filter/agentId'],
    ['no runs in a minute', {}, { maxPerMinute: 0 }, 422, '/maxPerMinute'],
    ['parameters over 64 KiB', {}, { parameters: { what: 'x'.repeat(65_536) } }, 422, '/parameters'],
  ])('are refused with %s', async (_, process, body, status, where) => {
    const answer = await post({ processId: await aProcess(process), ...body });
    expect([answer.status, answer.body.errors?.map(({ pointer }) => pointer) ?? answer.body.code]).toEqual([status, status === 422 ? expect.arrayContaining([where]) : where]);
  });

  it('fail for events that would make too much of their parameters', async () => {
    const processId = await aProcess();
    const trigger = await aTrigger({ processId, actions: ['file.moved'], parameters: { what: '{{event.details.text}}'.repeat(100) } });
    await happen({ action: 'file.moved', details: { text: 'x'.repeat(1_000) } });
    expect(await fire()).toBe(0);
    expect((await get(trigger)).lastError).toContain('more than 65536 characters');
  });
});
