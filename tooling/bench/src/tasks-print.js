import { machine, table } from './result.js';
import { LEAD_SECONDS } from './tasks-loops.js';

const TITLES = { drain: 'claim + complete', enqueue: 'enqueue' };
const rate = (peer) => (peer ? peer.perSecond.toFixed(0) : '-');
const ratio = (a, b) => (a && b ? a.perSecond / b.perSecond : null);
const two = (value) => (value === null ? '-' : value.toFixed(2));

/** Prints rates, ratios, where the time of a task goes, and what became of the goals. */
export function printTasks({ rounds, seconds, server, rows, statements }) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\ntasks: ${rounds} rounds of ${seconds} s after ${LEAD_SECONDS} s, medians; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}`);
  console.log(`PostgreSQL ${server.server_version}: ${Object.entries(server).filter(([name]) => name !== 'server_version').map(([name, setting]) => `${name}=${setting || 'none'}`).join(' ')}`);
  for (const kind of ['drain', 'enqueue']) printRates(kind, rows.filter((row) => row.kind === kind));
  printCrowds(rows.filter((row) => row.kind === 'crowd'));
  const alone = rows.find((row) => row.kind === 'drain' && row.loops === 1 && row.batch === 1);
  if (alone) printBreakdown(alone, statements);
  printGoals(rows);
}

const print = (lines) => {
  console.log('');
  for (const line of table(lines)) console.log(line);
};

function printRates(kind, rows) {
  if (rows.length === 0) return;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.peers)))];
  const others = names.filter((name) => name !== 'service' && rows.some((row) => row.peers.service));
  print([
    ['loops', 'batch', `${TITLES[kind]}/s:`, ...names, ...others.map((name) => `service/${name}`)],
    ...rows.map(({ loops, batch, peers }) => [loops, batch, '', ...names.map((name) => rate(peers[name])), ...others.map((name) => two(ratio(peers.service, peers[name])))]),
  ]);
}

function printCrowds(rows) {
  if (rows.length === 0) return;
  const [{ foreign, finished }] = rows;
  const names = ['plain', 'service'].filter((name) => rows[0].peers[name]);
  print([
    ['loops', 'batch', 'claim + complete/s', 'empty', `${foreign} foreign`, `${finished} finished`, 'foreign/empty', 'finished/empty'],
    ...rows.flatMap(({ loops, batch, peers }) =>
      names.map((name) => {
        const [empty, among, after] = ['', ' foreign', ' finished'].map((crowd) => peers[name + crowd]);
        return [loops, batch, name, rate(empty), rate(among), rate(after), two(ratio(among, empty)), two(ratio(after, empty))];
      })),
  ]);
}

const PHASES = ['begin', 'claim', 'complete', 'commit'];

/** One loop, one task at a time: nothing overlaps, so the parts add up. A claim and a completion that send their begin and commit along include them. */
function printBreakdown({ peers }, statements) {
  const of = (peer) => {
    const total = 1e6 / peer.perSecond;
    const micros = (value) => (value === undefined ? '-' : value.toFixed(0));
    return [total.toFixed(0), ...PHASES.map((phase) => micros(peer.phasesMicros[phase])), micros(peer.busyMicros), micros(total - peer.busyMicros), peer.roundTrips.toFixed(1)];
  };
  print([['1 loop, batch 1, microseconds a task', 'all', ...PHASES, 'JS', 'waiting', 'round trips'], ...Object.entries(peers).map(([name, peer]) => [name, ...of(peer)])]);
  console.log('JS is how long the event loop was busy (of http: of its client), waiting the rest. plain waits for each answer; graphile completes beside its next claim.');
  if (statements) print([['statements of the service on the server (pg_stat_statements)', 'calls a task', 'microseconds a task'], ...statements.map(({ what, calls, micros }) => [what, calls.toFixed(2), micros.toFixed(0)])]);
}

/** What is asked of the service, by docs/tasks.md. */
const GOALS = [
  { rows: ({ kind }) => kind === 'drain', of: 'service', to: 'plain', least: 0.7 },
  ...['pg-boss', 'graphile'].flatMap((to) => [
    { rows: ({ kind, loops, batch }) => kind === 'drain' && (loops >= 10 || batch > 1), of: 'service', to, least: 1 },
    { rows: ({ kind, loops, batch }) => kind === 'enqueue' && (loops >= 10 || batch > 1), of: 'service', to, least: 1 },
  ]),
  { rows: ({ kind, loops, batch }) => kind !== 'crowd' && loops === 1 && batch === 1, of: 'service', to: 'pg-boss', least: 0.6 },
  { rows: ({ kind }) => kind === 'crowd', of: 'service foreign', to: 'service', least: 0.5 },
  { rows: ({ kind }) => kind === 'crowd', of: 'service finished', to: 'service', least: 0.8 },
];

function printGoals(rows) {
  const lines = GOALS.flatMap((goal) =>
    rows.filter(goal.rows).flatMap((row) => {
      const reached = ratio(row.peers[goal.of], row.peers[goal.to]);
      return reached === null ? [] : [[`${TITLES[row.kind] ?? TITLES.drain}, ${row.loops} loops, batch ${row.batch}`, `${goal.of} / ${goal.to}`, two(reached), goal.least.toFixed(1), reached >= goal.least ? 'met' : 'MISSED']];
    }));
  if (lines.length > 0) print([['goal', 'ratio', 'is', 'at least', ''], ...lines]);
}
