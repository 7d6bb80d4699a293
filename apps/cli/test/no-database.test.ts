import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { cleanUp, noDirectory, runHive } from './world.js';

describe('where there is no database yet', () => {
  afterEach(() => cleanUp());

  it.each([
    ['is not there', false],
    ['is empty, such as a new volume', true],
  ])('a command that only looks makes none, in a directory that %s', async (_, made) => {
    const env = noDirectory();
    if (made) mkdirSync(env.HIVE_DATA_DIR);
    for (const args of [['migrate', '--status'], ['schema'], ['migrate', '--down']]) {
      const { code, out, err } = await runHive([...args], env);
      expect([args, code, err]).toEqual([args, 0, `There is no database in ${env.HIVE_DATA_DIR} yet: hive start makes one\n`]);
      expect(out).toMatch(args.includes('--down') ? /^Nothing to do/ : /^kernel +Migration\d+_kernel_tables +pending$/m);
    }
    expect((await runHive(['doctor'], env)).out).toMatch(/^warn +engine +no database in .* yet: hive start makes one$/m);
    expect(made ? readdirSync(env.HIVE_DATA_DIR) : existsSync(env.HIVE_DATA_DIR)).toEqual(made ? [] : false);
  });

  it('a migration or domain that is not makes none either', async () => {
    const env = noDirectory();
    expect(await runHive(['migrate', '--domain', 'nowhere'], env)).toMatchObject({ code: 1, err: expect.stringMatching(/^hive: No domain nowhere; there are kernel, audit, identity, agents, trust, tasks, communication\b/) });
    expect(await runHive(['migrate', '--to', '0'], env)).toMatchObject({ code: 2, err: expect.stringContaining('add --down to undo everything') });
    expect(existsSync(env.HIVE_DATA_DIR)).toBe(false);
  });

  it('says which key may have been meant where it looks in the wrong place', async () => {
    const { err } = await runHive(['migrate', '--status'], { ...noDirectory(), HIVE_DATADIR: '/var/lib/hive' });
    expect(err).toContain('did you mean HIVE_DATA_DIR?');
  });
});
