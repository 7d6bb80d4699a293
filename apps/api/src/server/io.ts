/** Where a command speaks: `out` is its result, `err` is everything said along the way. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
}

const SILENT_MS = 1_000;
const REPEAT_MS = 10_000;

/** Does work, saying so once it takes longer than a second, again every ten, and when it is done. */
export async function withProgress<T>(io: Io, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  let said = false;
  const say = () => {
    io.err(said ? `${what}: still at it after ${seconds()}` : `${what} ...`);
    said = true;
    timer = setTimeout(say, REPEAT_MS);
  };
  let timer = setTimeout(say, SILENT_MS);
  try {
    const result = await work();
    if (said) io.err(`${what}: done in ${seconds()}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}
