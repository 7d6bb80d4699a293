import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * A peer in a process of its own, so that no two share an event loop. `call` rejects when the peer fails, when its process
 * ends, and when it takes too long; `close` ends the process and waits for that.
 */
export function startPeer(file, title) {
  const child = fork(new URL(file, import.meta.url).pathname, { env: { ...process.env, NO_LOG_SUCCESS: '1' } });
  const exited = once(child, 'exit');
  const waiting = new Map();
  let calls = 0;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(`${title}: ${error}`));
    else resolve(result);
  });
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${title} ended with ${code ?? signal}`));
  });
  const call = (method, argument, timeoutSeconds = 120) =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error(`${title} has ended`));
      const id = ++calls;
      const timer = setTimeout(() => reject(new Error(`${title}: ${method} took more than ${timeoutSeconds} s`)), timeoutSeconds * 1000);
      const settle = (then) => (value) => {
        clearTimeout(timer);
        then(value);
      };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      child.send({ id, method, argument });
    });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (child.connected) child.send({ method: 'close' });
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await exited;
    clearTimeout(timer);
  };
  return { call, close };
}
