/**
 * What `read` gives for each item, in their order. While one result is with the caller the next is being read, one at a time; a
 * caller that leaves early, or throws, waits for that one to end. Throws what `read` throws, in its turn.
 */
export async function* readAhead<Item, Result>(items: Iterable<Item>, read: (item: Item) => Promise<Result>): AsyncGenerator<Result, void, void> {
  let coming: Promise<Result> | undefined;
  try {
    for (const item of items) {
      const ready = coming && { result: await coming };
      coming = read(item);
      coming.catch(() => {}); // it is awaited in its turn, and may fail before that
      if (ready) yield ready.result;
    }
    if (coming) yield await coming;
  } finally {
    await Promise.allSettled([coming]);
  }
}
