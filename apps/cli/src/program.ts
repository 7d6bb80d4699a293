import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { FAILED, OK, USAGE, WrongUsage, type Context } from './context.js';
import { failureLine, jsonLines } from './json.js';

// Of its own package: the server's would have to be loaded.
const VERSION = (createRequire(import.meta.url)('../package.json') as { version: string }).version;

/**
 * Runs one command line; resolves with the exit code: 0 done, 1 failed, 2 wrong usage. With --json, each line on standard error
 * is an object: `error` is why the command failed, `msg` what it says along the way.
 */
export async function run(args: readonly string[], { env, io }: Context): Promise<number> {
  const json = args.includes('--json');
  let code = OK;
  const done = (result: number) => {
    code = result;
  };
  try {
    await hive({ env, io: json ? jsonLines(io) : io }, json, done).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (json && error.exitCode !== 0) io.err(failureLine('usage', error.message));
      return error.exitCode === 0 ? OK : USAGE;
    }
    const { report } = await import('./report.js');
    report(error, io, json);
    return error instanceof WrongUsage ? USAGE : FAILED;
  }
}

/** Of a size or a sequence of the log. */
const SIZE_DIGITS = 15;

// What a command needs is loaded when it runs: `hive --help` must not load a server.
function hive({ env, io }: Context, json: boolean, done: (code: number) => void): Command {
  const context = { env, io };
  const program = new Command('hive')
    .version(VERSION, '-V, --version', 'show the version')
    .description('Agent Hive: the system of record for fleets of AI agents. Configured by the environment; every key is in docs/configuration.md.')
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => json || io.err(text.trimEnd()) })
    .showHelpAfterError('(--help shows the usage)')
    .exitOverride();
  const command = (name: string, description: string, examples: string[]) =>
    program.command(name).description(description).addHelpText('after', `\nExamples:\n${examples.map((e) => `  $ ${e}`).join('\n')}`);

  command('start', 'Start the API. SIGTERM or Ctrl-C drains it.', ['hive start', 'PORT=8080 HIVE_DATA_DIR=/var/lib/hive hive start', 'DATABASE_URL=postgres://hive@db/hive hive start'])
    .option('--json', 'print where it listens as a line of JSON, and another one when it has stopped')
    .action(async (options: object) => done(await (await import('./start.js')).start(context, options)));

  command('migrate', 'Bring the schema of every domain up to date, or to a state that you name.', [
    'hive migrate',
    'hive migrate --status',
    'hive migrate --to Migration20261123060932_entries',
    'hive migrate --down                       undo the last step',
    'hive migrate --down --domain audit --to 0 undo all of one domain',
  ])
    .option('--to <name>', 'up to and including this migration; with --down, back to the state right after it; 0 is the empty schema')
    .option('--steps <n>', 'at most this many migrations', whole(6))
    .option('--down', 'undo: the last migration, unless --steps or --to say more')
    .addOption(new Option('--status', 'show what ran and what is pending, and change nothing').conflicts(['to', 'steps', 'down']))
    .option('--domain <name>', 'only this domain')
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./migrate.js')).migrateCommand(context, options)));

  command('schema', 'Show the version of every domain, and whether the live catalogue is what the migrations give.', ['hive schema', 'hive schema --json > .revision'])
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./schema.js')).schema(context, options)));

  command('doctor', 'Check everything that must hold for the hive to serve. Exits 1 when something fails.', ['hive doctor', 'hive doctor --json'])
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./doctor.js')).doctor(context, options)));

  demo(command('demo', 'Fill the tenant `demo` with examples; the same ones every time.', ['hive demo', 'HIVE_URL=http://127.0.0.1:3000 HIVE_KEY=$HIVE_ADMIN_KEY hive demo']), context, done);
  keys(command('keys', 'Create, list and revoke API keys of a running or a stopped hive.', ['hive keys create ci --scopes agents:read,agents:write', 'hive keys list', 'hive keys revoke 0199...']), context, done);
  knowledge(command('knowledge', 'Bring documents into a running or a stopped hive.', ['hive knowledge import docs --category guides']), context, done);
  audit(command('audit', 'Verify the sealed record of a running or a stopped hive, or of an export without one.', ['hive audit checkpoint > checkpoint.json', 'hive audit export > record.ndjson', 'hive audit verify --export record.ndjson --checkpoint checkpoint.json']), context, done);
  return program;
}

function demo(group: Command, context: Context, done: (code: number) => void): void {
  group.option('--json', 'print JSON').action(async (options: object) => done(await (await import('./demo.js')).demo(context, options)));
  group
    .command('tamper')
    .description('Edit an entry of a record in memory as a superuser, and see a verification name it. Touches no data of yours.')
    .option('--json', 'print JSON')
    .action(async (_: object, tamper: Command) => done(await (await import('./demo-tamper.js')).tamper(context, tamper.optsWithGlobals())));
}

function audit(group: Command, context: Context, done: (code: number) => void): void {
  group
    .command('verify')
    .description('Verify the record: every entry, leaf, checkpoint and signature. Exits 1 and names what is not as it was sealed.')
    .addHelpText('after', '\nExamples:\n  $ hive audit verify --checkpoint checkpoint.json\n  $ hive audit verify --since 120000\n  $ hive audit verify --export record.ndjson --checkpoint checkpoint.json   needs neither server nor database')
    .option('--export <file>', 'an export, in place of the hive')
    .option('--checkpoint <file>', 'a checkpoint that was kept elsewhere: only it shows that the end was cut off')
    .option('--since <size>', 'only what came after the checkpoint of this size', whole(SIZE_DIGITS))
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./audit.js')).verify(context, options)));
  group
    .command('checkpoint')
    .description('Print the latest signed checkpoint as JSON, to be kept where no administrator of the database can change it.')
    .option('--json', 'print JSON, as it does anyway')
    .action(async () => done(await (await import('./audit.js')).checkpoint(context)));
  group
    .command('export')
    .description('Print sealed entries as lines of JSON.')
    .option('--from <sequence>', 'the first; 1 by default', whole(SIZE_DIGITS))
    .option('--to <sequence>', 'the last; the last that is sealed by default', whole(SIZE_DIGITS))
    .option('--json', 'print JSON, as it does anyway')
    .action(async (options: object) => done(await (await import('./audit.js')).exportLog(context, options)));
  group
    .command('keys')
    .description('List the public keys that checkpoints are signed with.')
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./audit.js')).keys(context, options)));
}

function knowledge(group: Command, context: Context, done: (code: number) => void): void {
  group
    .command('import <directory>')
    .description('Make each text file of a directory a document; files that have not changed are left alone, so that running it again goes on where it was.')
    .addHelpText('after', '\nExamples:\n  $ hive knowledge import docs --category guides\n  $ HIVE_URL=https://hive.example.com HIVE_KEY=... hive knowledge import docs --category guides --json')
    .requiredOption('--category <category>', 'category of the documents')
    .option('--json', 'print JSON')
    .action(async (directory: string, options: { category: string; json?: boolean }) => done(await (await import('./import.js')).importDirectory(context, directory, options)));
}

function keys(group: Command, context: Context, done: (code: number) => void): void {
  group
    .command('create <name>')
    .description('Create a key; it is shown only once.')
    .addHelpText('after', '\nExamples:\n  $ hive keys create ci\n  $ hive keys create reader --scopes agents:read --expires-at 2027-01-01T00:00:00Z')
    .option('--scopes <scopes>', 'what the key may do, separated by commas', '*')
    .option('--role <role>', 'a role of the tenant')
    .option('--agent <id>', 'the agent that the key speaks for')
    .option('--expires-at <moment>', 'when it ceases to open anything (ISO-8601)')
    .option('--json', 'print JSON')
    .action(async (name: string, options: object) => done(await (await import('./keys.js')).create(context, name, options)));
  group
    .command('list')
    .description('List the keys, never their secrets.')
    .addHelpText('after', '\nExamples:\n  $ hive keys list --json')
    .option('--json', 'print JSON')
    .action(async (options: object) => done(await (await import('./keys.js')).list(context, options)));
  group
    .command('revoke <id>')
    .description('Revoke a key at once.')
    .addHelpText('after', '\nExamples:\n  $ hive keys revoke 01997b2e-0000-7000-8000-000000000000')
    .option('--json', 'print JSON')
    .action(async (id: string, options: object) => done(await (await import('./keys.js')).revoke(context, id, options)));
}

/** A whole number from 1, of so many digits at most. */
const whole = (digits: number) => (text: string): number => {
  if (!/^[1-9]\d*$/.test(text) || text.length > digits) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
};
