/*
 * A process of engine.test.ts: told a moment, it takes the lock of its directory at that moment and says how that went;
 * told nothing, it gives the lock back. Node runs it as it is, and finds the lock by the path of its source.
 */
const [directory, source] = process.argv.slice(2) as [string, string];
const { DirectoryInUse, lockDirectory } = (await import(source)) as typeof import('../src/engine/directory-lock.js');
let release = (): void => undefined;

process.on('message', ({ at }: { at?: number }) => {
  if (at === undefined) {
    release();
    release = () => undefined;
    process.send!('gave back');
  } else {
    setTimeout(() => process.send!(attempt(at)), Math.max(at - Date.now() - 2, 0));
  }
});
process.send!('ready');

function attempt(at: number): string {
  while (Date.now() < at); // timers of three processes never fire in the same instant
  try {
    release = lockDirectory(directory);
    return 'took';
  } catch (error) {
    return error instanceof DirectoryInUse ? 'refused' : String(error);
  }
}
