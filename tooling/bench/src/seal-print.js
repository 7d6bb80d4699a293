import { machine, table } from './result.js';
import { LEAD_SECONDS } from './tasks-loops.js';

const whole = (value) => value.toFixed(0);
const rate = ({ perSecond, range }) => [whole(perSecond), ...range.map(whole)];
const print = (lines) => {
  console.log('');
  for (const line of table(lines)) console.log(line);
};

/** Prints rates, ratios and times, and what became of the goals. */
export function printSeal({ rounds, seconds, writers, server, write, lag, end, plain, verify }) {
  const { processors, model, memoryGiB, node, commit } = machine();
  console.log(`\nseal: ${rounds} rounds of ${seconds} s after ${LEAD_SECONDS} s, ${writers} writers, medians; ${processors} x ${model}, ${memoryGiB} GiB, Node ${node}, commit ${commit}`);
  console.log(`PostgreSQL ${server.server_version}: ${Object.entries(server).filter(([name]) => name !== 'server_version').map(([name, setting]) => `${name}=${setting || 'none'}`).join(' ')}`);
  if (write) {
    const ratio = (mode) => (write[mode].perSecond / write.off.perSecond).toFixed(2);
    print([['tasks created by the service', 'each second', 'least', 'most', 'of off'], ...['off', 'on'].map((mode) => [`sealer in another process: ${mode}`, ...rate(write[mode]), ratio(mode)])]);
    print([['from minted to sealed and committed, ms', 'p50', 'p95', 'p99', 'most'], [`${lag.leaves} entries`, ...[lag.p50Millis, lag.p95Millis, lag.p99Millis, lag.maxMillis].map(whole)]]);
    console.log(`\nat the end ${end.leaves} leaves, verified, and ${end.unsealed} entries without one`);
  }
  if (plain) {
    const titles = { entry: 'entry alone', pending: 'entry and pending row', chain: 'entry with a chain of hashes' };
    print([['plain SQL', 'each second', 'least', 'most', 'of alone'], ...Object.entries(plain).map(([way, one]) => [titles[way], ...rate(one), (one.perSecond / plain.entry.perSecond).toFixed(2)])]);
  }
  if (verify) {
    const { seal, full, sinceMiddle, inclusion, consistency } = verify;
    print([['log', 'entries', 'each second'], ['sealed', seal.leaves, whole(seal.perSecond)], ['verified', full.leaves, whole(full.perSecond)], ['verified since the middle', sinceMiddle.leaves, whole(sinceMiddle.perSecond)]]);
    print([['proof', 'p50 ms', 'p95 ms'], ...Object.entries({ 'of an entry': inclusion, 'of consistency': consistency }).map(([name, one]) => [name, one.p50Millis.toFixed(2), one.p95Millis.toFixed(2)])]);
  }
  printGoals({ write, lag, end, verify });
}

/** What is asked of the record, by docs/audit.md. */
function printGoals({ write, lag, end, verify }) {
  const goals = [
    ...(write ? [['writers with the sealer, of those without', write.on.perSecond / write.off.perSecond, 'at least', 0.85], ['p99 of the lag, ms', lag.p99Millis, 'at most', 2000], ['entries left unsealed', end.unsealed, 'at most', 0]] : []),
    ...(verify ? [['entries verified in a second', verify.full.perSecond, 'at least', 100_000]] : []),
  ];
  if (goals.length === 0) return;
  print([['goal', 'is', '', 'asked', ''], ...goals.map(([name, is, how, asked]) => [name, String(Math.round(is * 100) / 100), how, String(asked), (how === 'at least' ? is >= asked : is <= asked) ? 'met' : 'MISSED'])]);
}
