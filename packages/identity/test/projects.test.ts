import { newId } from '@agent-hive/kernel';
import type { TestApp } from '@agent-hive/kernel/testing';
import { IdentityHooks } from '../src/index.js';
import { PROJECT_STATES, PROJECT_TRANSITIONS } from '../src/project/project.entity.js';
import { aTenant, identityApp } from './world.js';

interface Project {
  id: string;
  state: string;
  version: number;
}

describe('projects', () => {
  let hive: TestApp;
  let tenant: { id: string; key: string };
  beforeAll(async () => {
    hive = await identityApp();
    tenant = await aTenant(hive);
  });
  afterAll(() => hive.close());

  const add = async (body: object = {}) => (await hive.post<Project>('/v1/projects', { name: 'p', ...body }, { as: tenant.key })).body;
  const move = (project: Project, state: string, reason?: string) => hive.put<Project & { allowed: string[] }>(`/v1/projects/${project.id}/state`, { state, ...(reason && { reason }) }, { as: tenant.key });

  it('are created, read, changed and listed [S3.2-S3.9, S5.15, S5.17, S5.19, S5.20]', async () => {
    const made = await hive.post<Project>('/v1/projects', { name: 'Apollo', description: { goal: 'moon' }, projectMetadata: { budget: 1 } }, { as: tenant.key });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ id: expect.any(String), name: 'Apollo', description: { goal: 'moon' }, state: 'planning', projectMetadata: { budget: 1 }, version: 1, createdAt: expect.any(String), updatedAt: expect.any(String) });
    expect((await hive.get<Project>(`/v1/projects/${made.body.id}`, { as: tenant.key })).body).toEqual(made.body);
    const changed = await hive.patch<Project>(`/v1/projects/${made.body.id}`, { description: 'a text' }, { as: tenant.key, headers: { 'if-match': '"1"' } });
    expect(changed.body).toMatchObject({ name: 'Apollo', description: 'a text', version: 2 });
    expect((await hive.patch(`/v1/projects/${made.body.id}`, { name: 'x' }, { as: tenant.key, headers: { 'if-match': '"1"' } })).status).toBe(412);
    const { body } = await hive.get<{ items: Project[] }>('/v1/projects?state=planning&limit=100', { as: tenant.key });
    expect(body.items.map((p) => p.id)).toContain(made.body.id);
    expect((await hive.delete(`/v1/projects/${made.body.id}`, { as: tenant.key, headers: { 'if-match': '*' } })).status).toBe(204);
  });

  it('move only along their table, from each state to each', async () => {
    const path: Record<string, string[]> = { planning: [], active: ['active'], paused: ['active', 'paused'], completed: ['active', 'completed'], archived: ['archived'] };
    for (const from of PROJECT_STATES) {
      for (const to of PROJECT_STATES) {
        const project = await add();
        for (const step of path[from]!) await move(project, step);
        const answer = await move(project, to);
        if (PROJECT_TRANSITIONS[from].includes(to)) expect(answer.body).toMatchObject({ state: to });
        else expect(answer.body).toMatchObject({ status: 409, code: 'illegal-transition', from, to, allowed: PROJECT_TRANSITIONS[from] });
      }
    }
  });

  it('keep the history of their states: what, why, by whom, when [S3.10-S3.18, S3.145]', async () => {
    const project = await add();
    await move(project, 'active', 'funded');
    await move(project, 'paused', 'waiting');
    await move(project, 'planning');
    const { body } = await hive.get<{ items: object[] }>(`/v1/projects/${project.id}/states`, { as: tenant.key });
    expect(body.items).toMatchObject([
      { projectId: project.id, state: 'paused', reason: 'waiting', transitionedBy: null },
      { state: 'active', reason: 'funded', transitionedAt: expect.any(String), createdAt: expect.any(String), updatedAt: expect.any(String) },
      { state: 'planning', reason: null },
    ]);
    const first = await hive.get<{ items: object[]; nextCursor: string }>(`/v1/projects/${project.id}/states?limit=2`, { as: tenant.key });
    expect((await hive.get<{ items: object[] }>(`/v1/projects/${project.id}/states?limit=2&cursor=${first.body.nextCursor}`, { as: tenant.key })).body.items).toHaveLength(1);
    expect((await hive.get(`/v1/projects/${newId()}/states`, { as: tenant.key })).status).toBe(404);
  });

  it('take their history along, and stay while something refers to them [S3.184, S2.32]', async () => {
    const project = await add();
    hive.app.get(IdentityHooks, { strict: false }).projectReferences.register('test', async (_, id) => ({ table: 'test.thing', count: id === project.id ? 2 : 0 }));
    const remove = (id: string) => hive.delete(`/v1/projects/${id}`, { as: tenant.key, headers: { 'if-match': '*' } });
    expect((await remove(project.id)).body).toMatchObject({ status: 409, code: 'in-use', counts: { 'test.thing': 2 } });
    const free = await add();
    expect((await remove(free.id)).status).toBe(204);
    expect(await hive.database.execute(hive.orm, `select 1 from identity.project_state where project_id = '${free.id}'`)).toEqual([]);
  });

  it.each([
    ['an empty name', { name: '' }],
    ['metadata that are no object', { projectMetadata: 'x' }],
    ['an unknown field', { status: 'active' }],
  ])('refuse %s', async (_, body) => {
    expect((await hive.post('/v1/projects', { name: 'p', ...body }, { as: tenant.key })).status).toBe(422);
  });

  it('are unknown to other tenants', async () => {
    const other = await aTenant(hive);
    const project = await add();
    expect((await hive.get(`/v1/projects/${project.id}`, { as: other.key })).status).toBe(404);
    expect((await hive.put(`/v1/projects/${project.id}/state`, { state: 'active' }, { as: other.key })).status).toBe(404);
    expect((await hive.put(`/v1/projects/${project.id}/state`, { state: 'flying' }, { as: tenant.key })).status).toBe(422);
  });
});
