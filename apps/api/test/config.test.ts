import { ConfigInvalid, readConfig, type Environment } from '../src/config/config.js';
import { databaseSettings, describeDatabase, serverUrl } from '../src/config/database-settings.js';

const broken = (env: Environment) => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error;
    throw error;
  }
  throw new Error('accepted');
};

const settingsOf = (env: Environment) => databaseSettings(readConfig(env).config);

describe('the configuration', () => {
  it('has a default for every key, and takes an empty value as none', () => {
    const { config, warnings } = readConfig({ PORT: '', HIVE_ADMIN_KEY: '' });
    expect(config).toMatchObject({ PORT: 3000, HOST: '127.0.0.1', HIVE_DATA_DIR: './.hive/data', HIVE_POOL_MIN: 2, HIVE_POOL_MAX: 10, HIVE_ENV: 'local', HIVE_ADMIN_KEY: null, HIVE_AUTO_MIGRATE: true });
    expect(warnings).toEqual([]);
  });

  it('refuses all wrong values at once, each with its key, its value and what is allowed', () => {
    const { broken: keys, message } = broken({ PORT: '99999', HIVE_POOL_MAX: '50', LOG_LEVEL: 'loud', HIVE_LOG_SQL: 'yes', HIVE_ENV: 'PROD-1' });
    expect(keys).toEqual([
      { key: 'PORT', value: '"99999"', allowed: 'a whole number from 0 to 65535' },
      { key: 'HIVE_POOL_MAX', value: '"50"', allowed: 'a whole number from 1 to 49' },
      { key: 'HIVE_ENV', value: '"PROD-1"', allowed: '1 to 20 lower-case letters' },
      { key: 'LOG_LEVEL', value: '"loud"', allowed: expect.stringContaining('`info`') },
      { key: 'HIVE_LOG_SQL', value: '"yes"', allowed: '`true` or `false`' },
    ]);
    for (const { key } of keys) expect(message).toContain(`  ${key}=`);
  });

  it.each([
    ['HIVE_ADMIN_KEY', 'thirty-one characters are to few'.slice(1)],
    ['DATABASE_URL', 'mysql://root:hunter2@db/hive'],
    ['DATABASE_URL', 'hunter2'],
    ['DATABASE_URL', 'postgres://hive:hunter2%ZZ@127.0.0.1/hive'],
    ['DATABASE_URL', 'postgres://hive:hunter2@db/hive?ssl_mode=require'],
    ['DATABASE_URL', 'postgres:///hive?application_name=hunter2'],
    ['DATABASE_MIGRATION_URL', 'postgres://hive:hunter2@db/hive?sslmod=require'],
    ['DATABASE_REPLICA_URLS', 'postgres://a:hunter2@one/db,hunter2'],
    ['DATABASE_REPLICA_URLS', 'postgres://a:hunter2@one/db?schema=other'],
    ['HIVE_INSIGHTS_KEY', 'hunter2 with a space'],
  ])('masks the secret %s', (key, value) => {
    const { message } = broken({ [key]: value });
    expect(message).toContain(`${key}=***`);
    expect(message).not.toContain(value);
    expect(message).not.toContain('hunter2');
  });

  it.each([
    [{ HIVE_POOL_MAX: '1', HIVE_POOL_MIN: '2' }, 'HIVE_POOL_MIN'],
    [{ POSTGRES_POOL_MAX: '3', POSTGRES_POOL_MIN: '4' }, 'POSTGRES_POOL_MIN'],
    [{ DATABASE_URL: 'postgres://hive@db/hive', POSTGRES_HOST: 'db' }, 'POSTGRES_HOST'],
    [{ DATABASE_MIGRATION_URL: 'postgres://owner@db/hive' }, 'DATABASE_MIGRATION_URL'],
    [{ DATABASE_REPLICA_URLS: 'postgres://hive@replica/hive' }, 'DATABASE_REPLICA_URLS'],
    [{ POSTGRES_DB: 'agents' }, 'POSTGRES_DB'],
    [{ POSTGRES_PASSWORD: 'hunter2' }, 'POSTGRES_PASSWORD'],
    [{ HIVE_INSIGHTS_URL: 'https://llm.example/v1' }, 'HIVE_INSIGHTS_MODEL'],
    [{ HIVE_INSIGHTS_MODEL: 'large' }, 'HIVE_INSIGHTS_MODEL'],
  ])('refuses what contradicts itself: %j', (env, key) => {
    expect(broken(env).broken.map((b) => b.key)).toEqual([key]);
  });

  it('warns about a HIVE_ key that nobody reads, with the one that was probably meant', () => {
    const { warnings } = readConfig({ HIVE_POOL_MX: '5', HIVE_COLOUR_OF_THE_SKY: 'blue', HIVE_URL: 'http://elsewhere', HIVE_TEST_LOG: '1', HOME: '/root' });
    expect(warnings).toEqual(['Nothing reads HIVE_COLOUR_OF_THE_SKY; all keys: docs/configuration.md', 'Nothing reads HIVE_POOL_MX; did you mean HIVE_POOL_MAX?']);
  });

  it.each([
    ['HOST', '300.1.1.1'],
    ['HOST', 'a host'],
    ['HOST', '-x.example'],
    ['POSTGRES_HOST', '10.0.0.256'],
    ['HIVE_DATA_DIR', ' '],
    ['HIVE_DATA_DIR', 'file:///var/lib/hive'],
    ['HIVE_DATA_DIR', 'memory:'],
    ['HIVE_DATA_DIR', 's3://bucket/hive'],
  ])('refuses %s=%s', (key, value) => {
    expect(broken({ [key]: value }).broken.map((b) => b.key)).toEqual([key]);
  });

  it.each([
    ['HOST', '::1'],
    ['HOST', '0.0.0.0'],
    ['HOST', 'db_1.internal.example.'],
    ['POSTGRES_HOST', '/var/run/postgresql'],
    ['HIVE_DATA_DIR', 'C:\\hive\\my data'],
    ['HIVE_DATA_DIR', 'memory://'],
  ])('takes %s=%s', (key, value) => {
    expect(readConfig({ [key]: value }).config).toMatchObject({ [key]: value });
  });

  it.each([
    ['connect_timeout=soon', 'a whole number of seconds'],
    ['channel_binding=maybe', '`disable`, `prefer` or `require`'],
    ['channel_binding=require', 'no channel to bind to'],
    ['channel_binding=require&sslmode=disable', 'no channel to bind to'],
  ])('refuses a URL with %s', (query, message) => {
    expect(broken({ DATABASE_URL: `postgres://hive:hunter2@db/hive?${query}` }).message).toContain(message);
  });

  it.each(['loopback', '10.0.0.0/8', '10.1.2.3', '::1', 'fd00::/8,127.0.0.1'])('trusts the proxies %s', (value) => {
    expect(readConfig({ HIVE_TRUST_PROXY: value }).config.HIVE_TRUST_PROXY).toBe(value);
  });

  it.each(['everybody', '10.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.300'])('refuses to trust %s', (value) => {
    expect(broken({ HIVE_TRUST_PROXY: value }).broken[0]!.key).toBe('HIVE_TRUST_PROXY');
  });
});

describe('the database that it names', () => {
  it('is the embedded one by default', () => {
    expect(settingsOf({})).toMatchObject({ engine: 'embedded', dataDir: './.hive/data' });
  });

  it('is a server by its full connection string, with the sizes of the pool [S5.55, S5.57, S5.58]', () => {
    expect(settingsOf({ DATABASE_URL: 'postgres://hive:pw@db:5433/hive', POSTGRES_POOL_MIN: '10', POSTGRES_POOL_MAX: '25' })).toMatchObject({
      engine: 'server',
      url: 'postgres://hive:pw@db:5433/hive',
      poolMin: 10,
      poolMax: 25,
    });
  });

  it('is a server in parts, whatever characters its password has [S5.56]', () => {
    const { config } = readConfig({ POSTGRES_HOST: 'db.internal', POSTGRES_PORT: '5433', POSTGRES_USER: 'hive', POSTGRES_PASSWORD: 'p@ss/w:rd?#%', POSTGRES_DB: 'agents' });
    const url = new URL(serverUrl(config)!);
    expect([url.hostname, url.port, url.username, decodeURIComponent(url.password), url.pathname]).toEqual(['db.internal', '5433', 'hive', 'p@ss/w:rd?#%', '/agents']);
  });

  it('may be reached by the directory of a socket, or by an IPv6 address', () => {
    expect(serverUrl(readConfig({ POSTGRES_HOST: '/var/run/postgresql' }).config)).toContain('host=%2Fvar%2Frun%2Fpostgresql');
    expect(new URL(serverUrl(readConfig({ POSTGRES_HOST: '::1' }).config)!).hostname).toBe('[::1]');
  });

  it.each(['postgres://hive@db/hive?sslmode=require&channel_binding=require&connect_timeout=10', 'postgres:///hive?host=/var/run/postgresql', 'postgres://hive@db/hive?sslmode=verify-full&sslrootcert=/etc/ca.pem', 'postgres://hive@db/hive?application_name=a&options=-c%20jit%3Doff'])('may be said with parameters: %s', (value) => {
    expect(settingsOf({ DATABASE_URL: value })).toMatchObject({ engine: 'server', url: value });
  });

  it('is described by the directory of its socket', () => {
    expect(describeDatabase(settingsOf({ POSTGRES_HOST: '/var/run/postgresql', POSTGRES_DB: 'agents' }))).toBe('PostgreSQL postgres@/var/run/postgresql:5432/agents');
  });

  it('is never SQLite, and says so', () => {
    expect(broken({ DATABASE_TYPE: 'sqlite' }).message).toContain('DATABASE_TYPE="sqlite" must be one of `postgresql`');
  });

  it('gives a small pool no larger minimum', () => {
    expect(settingsOf({ DATABASE_URL: 'postgres://db/hive', HIVE_POOL_MAX: '1' })).toMatchObject({ poolMin: 1, poolMax: 1 });
  });

  it('is described without its password', () => {
    expect(describeDatabase(settingsOf({ DATABASE_URL: 'postgres://hive:hunter2@db:5433/agents' }))).toBe('PostgreSQL hive@db:5433/agents');
  });
});
