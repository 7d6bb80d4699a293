import { newId } from '@agent-hive/kernel';
import { testEngine, type TestApp } from '@agent-hive/kernel/testing';
import type { AgentDto } from '../src/agent/agent.dto.js';
import type { PromptTemplateDto } from '../src/instruction/prompt-template.dto.js';
import { agentsApp, anAgent } from './world.js';

interface Problem {
  status: number;
  code: string;
  errors: { pointer: string; message: string }[];
}
interface Page {
  items: PromptTemplateDto[];
  nextCursor: string | null;
  total?: number;
}

describe('prompt templates', () => {
  let hive: TestApp;
  beforeAll(async () => {
    hive = await agentsApp();
  });
  afterAll(() => hive.close());

  const path = ({ id }: AgentDto, rest = '') => `/v1/agents/${id}/prompt-templates${rest}`;
  const put = (agent: AgentDto, ...items: unknown[]) => hive.put<Page & Problem>(path(agent), { items });
  const active = async (agent: AgentDto, query = '') => (await hive.get<Page>(path(agent, `?${query}`))).body;
  const versions = async (agent: AgentDto, name: string, query = '') => (await hive.get<Page>(path(agent, `/${encodeURIComponent(name)}/versions?${query}`))).body;
  const activate = (agent: AgentDto, name: string, templateVersion: unknown) => hive.put<PromptTemplateDto & Problem>(path(agent, `/${encodeURIComponent(name)}/active`), { templateVersion });
  const rollBack = (agent: AgentDto, name: string, templateVersion: unknown) => hive.post<PromptTemplateDto & Problem>(path(agent, `/${encodeURIComponent(name)}/rollbacks`), { templateVersion });
  async function instructed(): Promise<AgentDto> {
    const agent = await anAgent(hive);
    await hive.put(`/v1/agents/${agent.id}/instructions`, { purpose: 'helps' });
    return agent;
  }
  /** An agent with versions 1, 2 and 3 of the template `greet`, the last one active. */
  async function greeting(): Promise<AgentDto> {
    const agent = await instructed();
    for (const n of [1, 2, 3]) await put(agent, { templateName: 'greet', templateContent: `text ${n}`, contextParameters: { n } });
    return agent;
  }
  const states = async (agent: AgentDto, name = 'greet') => (await versions(agent, name)).items.map((t) => [t.templateVersion, t.templateContent, t.isActive, t.restoredFromVersion]);

  it('begin with version 1, active, and are read back by name [S3.57-S3.65, S3.154]', async () => {
    const agent = await instructed();
    const made = await put(agent, { templateName: 'greet', templateContent: 'Hello {name}', contextParameters: { name: 'string', toString: 1 } }, { templateName: 'bye', templateContent: 'Bye' });
    expect(made.status).toBe(200);
    expect(made.body.items).toEqual([
      {
        id: expect.any(String), instructionId: expect.any(String), templateName: 'greet', templateVersion: 1, templateContent: 'Hello {name}', contextParameters: { name: 'string', toString: 1 },
        isActive: true, restoredFromVersion: null, createdAt: expect.any(String), updatedAt: expect.any(String),
      },
      expect.objectContaining({ templateName: 'bye', templateVersion: 1, contextParameters: {} }),
    ]);
    expect((await active(agent)).items).toEqual([made.body.items[1], made.body.items[0]]);
    const instruction = await hive.get<{ id: string }>(`/v1/agents/${agent.id}/instructions`);
    expect(made.body.items[0]!.instructionId).toBe(instruction.body.id);
  });

  it('make a new active version of what differs, none of what does not, and leave alone what is not named', async () => {
    const agent = await instructed();
    await put(agent, { templateName: 'a', templateContent: 'one', contextParameters: { x: 1, y: { z: [1, 2] } } }, { templateName: 'b', templateContent: 'b' });
    const changed = await put(agent, { templateName: 'a', templateContent: 'two', contextParameters: { x: 1, y: { z: [1, 2] } } });
    expect(changed.body.items).toMatchObject([{ templateVersion: 2, templateContent: 'two', isActive: true }]);
    const same = await put(agent, { templateName: 'a', templateContent: 'two', contextParameters: { y: { z: [1, 2] }, x: 1 } });
    expect(same.body).toEqual(changed.body);
    expect((await put(agent, { templateName: 'a', templateContent: 'two', contextParameters: { x: 1, y: { z: [2, 1] } } })).body.items).toMatchObject([{ templateVersion: 3 }]);
    expect((await active(agent)).items).toMatchObject([{ templateName: 'a', templateVersion: 3 }, { templateName: 'b', templateVersion: 1 }]);
    expect((await put(agent)).body).toEqual({ items: [] });
    expect((await active(agent)).items).toHaveLength(2);
  });

  it('keep every version as it was', async () => {
    const agent = await greeting();
    const [third, second, first] = (await versions(agent, 'greet')).items;
    await activate(agent, 'greet', 1);
    await rollBack(agent, 'greet', 2);
    const text = (t: PromptTemplateDto | undefined) => [t!.id, t!.templateVersion, t!.templateContent, t!.contextParameters, t!.createdAt, t!.restoredFromVersion];
    expect((await versions(agent, 'greet')).items.slice(1).map(text)).toEqual([third, second, first].map(text));
  });

  it('activate an earlier version, and make the next one after the highest', async () => {
    const agent = await greeting();
    const back = await activate(agent, 'greet', 1);
    expect([back.status, back.body.templateVersion, back.body.isActive]).toEqual([200, 1, true]);
    expect(await states(agent)).toEqual([[3, 'text 3', false, null], [2, 'text 2', false, null], [1, 'text 1', true, null]]);
    expect((await activate(agent, 'greet', 1)).body).toEqual(back.body);
    expect((await put(agent, { templateName: 'greet', templateContent: 'text 1', contextParameters: { n: 1 } })).body.items).toEqual([back.body]);
    expect((await put(agent, { templateName: 'greet', templateContent: 'text 3', contextParameters: { n: 3 } })).body.items).toMatchObject([{ templateVersion: 4, isActive: true }]);
  });

  it('roll back by a new version with the old text', async () => {
    const agent = await greeting();
    const back = await rollBack(agent, 'greet', 1);
    expect(back.status).toBe(201);
    expect(back.body).toMatchObject({ templateVersion: 4, templateContent: 'text 1', contextParameters: { n: 1 }, isActive: true, restoredFromVersion: 1 });
    expect(await states(agent)).toEqual([[4, 'text 1', true, 1], [3, 'text 3', false, null], [2, 'text 2', false, null], [1, 'text 1', false, null]]);
    expect((await active(agent)).items).toEqual([back.body]);
  });

  it('roll back once under one Idempotency-Key', async () => {
    const agent = await greeting();
    const headers = { 'idempotency-key': newId() };
    const again = () => hive.post<PromptTemplateDto>(path(agent, '/greet/rollbacks'), { templateVersion: 1 }, { headers });
    const first = await again();
    expect([(await again()).body, (await versions(agent, 'greet')).items.length]).toEqual([first.body, 4]);
  });

  it('are listed in pages, the active ones by name and the versions newest first', async () => {
    const agent = await instructed();
    await put(agent, ...['c', 'a', 'b'].map((templateName) => ({ templateName, templateContent: 'x' })));
    const first = await active(agent, 'limit=2&total=true');
    expect([first.items.map((t) => t.templateName), first.total]).toEqual([['a', 'b'], 3]);
    await put(agent, { templateName: 'aa', templateContent: 'x' });
    expect(await active(agent, `limit=2&cursor=${first.nextCursor}`)).toMatchObject({ items: [{ templateName: 'c' }], nextCursor: null });
    for (const n of [2, 3]) await put(agent, { templateName: 'a', templateContent: `x${n}` });
    const newest = await versions(agent, 'a', 'limit=2&total=true');
    expect([newest.items.map((t) => t.templateVersion), newest.total]).toEqual([[3, 2], 3]);
    await put(agent, { templateName: 'a', templateContent: 'x4' });
    expect(await versions(agent, 'a', `limit=2&cursor=${newest.nextCursor}`)).toMatchObject({ items: [{ templateVersion: 1 }], nextCursor: null });
    for (const query of ['limit=0', 'cursor=x', `cursor=${Buffer.from('["x"]').toString('base64url')}`, 'colour=red']) {
      expect((await hive.get(path(agent, `/a/versions?${query}`))).status).toBe(422);
    }
  });

  it('may have names that a path must encode', async () => {
    const agent = await instructed();
    const name = 'mail/größe 100% ?#"\'';
    await put(agent, { templateName: name, templateContent: 'a' });
    await put(agent, { templateName: name, templateContent: 'b' });
    expect((await activate(agent, name, 1)).body).toMatchObject({ templateName: name, templateContent: 'a' });
    expect((await rollBack(agent, name, 2)).body).toMatchObject({ templateVersion: 3 });
    expect((await versions(agent, name)).items).toHaveLength(3);
  });

  it('say when a template or a version is not there', async () => {
    const agent = await greeting();
    expect((await hive.get(path(agent, '/other/versions'))).body).toMatchObject({ status: 404, noun: 'prompt template', id: 'other' });
    expect((await activate(agent, 'greet', 4)).body).toMatchObject({ status: 404, noun: 'prompt template version', id: 'greet/4' });
    expect((await activate(agent, 'other', 1)).status).toBe(404);
    expect((await rollBack(agent, 'greet', 4)).body).toMatchObject({ status: 404, noun: 'prompt template version', id: 'greet/4' });
    expect(await states(agent)).toHaveLength(3);
  });

  it.each([0, -1, 1.5, '1', null, undefined, 2 ** 31])('refuse the version %p', async (templateVersion) => {
    const agent = await greeting();
    expect((await activate(agent, 'greet', templateVersion)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer: '/templateVersion' })]) });
    expect((await rollBack(agent, 'greet', templateVersion)).status).toBe(422);
  });

  it.each([
    ['an item of null', [null], '/items'],
    ['no name', [{ templateContent: 'x' }], '/items/0/templateName'],
    ['an empty name', [{ templateName: '', templateContent: 'x' }], '/items/0/templateName'],
    ['a name over 100 characters', [{ templateName: 'x'.repeat(101), templateContent: 'x' }], '/items/0/templateName'],
    ['a name of two lines', [{ templateName: 'a\nb', templateContent: 'x' }], '/items/0/templateName'],
    ['a name twice', [{ templateName: 'a', templateContent: 'x' }, { templateName: 'a', templateContent: 'y' }], '/items/1/templateName'],
    ['no content', [{ templateName: 'a' }], '/items/0/templateContent'],
    ['empty content', [{ templateName: 'a', templateContent: '' }], '/items/0/templateContent'],
    ['content over 200000 characters', [{ templateName: 'a', templateContent: 'x'.repeat(200_001) }], '/items/0/templateContent'],
    ['parameters that are a list', [{ templateName: 'a', templateContent: 'x', contextParameters: [] }], '/items/0/contextParameters'],
    ['parameters over 16 KiB', [{ templateName: 'a', templateContent: 'x', contextParameters: { a: 'x'.repeat(16_384) } }], '/items/0/contextParameters'],
    ['a version of the caller', [{ templateName: 'a', templateContent: 'x', templateVersion: 7 }], '/items/0/templateVersion'],
    ['101 items', Array.from({ length: 101 }, (_, i) => ({ templateName: `t${i}`, templateContent: 'x' })), '/items'],
  ])('refuse %s', async (_, items, pointer) => {
    const agent = await instructed();
    expect((await put(agent, ...items)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ pointer })]) });
    expect((await active(agent)).items).toEqual([]);
  });

  it('keep the record: made, retired, activated', async () => {
    const agent = await greeting();
    const [, second] = (await versions(agent, 'greet')).items;
    await activate(agent, 'greet', 2);
    const kept = (await hive.get<{ items: object[] }>(`/v1/audit/entries?subjectType=prompt_template&subjectId=${second!.id}`)).body.items;
    expect(kept).toMatchObject([
      { action: 'prompt_template.updated', newState: { isActive: true } },
      { action: 'prompt_template.updated', previousState: { isActive: true }, newState: { isActive: false } },
      { action: 'prompt_template.created', newState: { templateContent: 'text 2', templateVersion: 2 } },
    ]);
  });

  it(`never get one version twice, or two active ones, from parallel writers (on the ${testEngine()} engine; the embedded one queues them itself)`, async () => {
    const agent = await greeting();
    const writers = Array.from({ length: 24 }, (_, i) => {
      if (i % 3 === 0) return put(agent, { templateName: 'greet', templateContent: `writer ${i}` }, { templateName: 'bye', templateContent: `writer ${i}` });
      return i % 3 === 1 ? rollBack(agent, 'greet', 2) : activate(agent, 'greet', 1);
    });
    const answers = await Promise.all(writers);
    expect(answers.map((a) => a.status).sort()).toEqual([...Array<number>(16).fill(200), ...Array<number>(8).fill(201)]);
    const made = (await versions(agent, 'greet', 'limit=100')).items;
    expect(made.map((t) => t.templateVersion)).toEqual(Array.from({ length: 19 }, (_, i) => 19 - i));
    expect(made.filter((t) => t.isActive)).toHaveLength(1);
    expect((await versions(agent, 'bye')).items.map((t) => t.templateVersion)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect((await active(agent)).items.map((t) => t.templateName)).toEqual(['bye', 'greet']);
  });
});
