import { AsyncLocalStorage } from 'node:async_hooks';

interface Waiting {
  works: (() => void)[];
  isOver: boolean;
}

const storage = new AsyncLocalStorage<Waiting>();

/** Runs work once what was written so far is committed: at once, or after the transaction that is running. A rollback forgets it. */
export function afterCommit(work: () => void): void {
  const waiting = storage.getStore();
  if (waiting && !waiting.isOver) waiting.works.push(work);
  else work();
}

/** Runs a transaction and, when it is committed, what was told to wait for that. One inside of another leaves it to the outer one. */
export async function withAfterCommit<T>(transaction: () => Promise<T>): Promise<T> {
  if (storage.getStore()?.isOver === false) return transaction();
  const waiting: Waiting = { works: [], isOver: false };
  const result = await storage.run(waiting, transaction).finally(() => (waiting.isOver = true));
  for (const work of waiting.works) work();
  return result;
}
