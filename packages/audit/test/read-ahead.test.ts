import { setTimeout } from 'node:timers/promises';
import { readAhead } from '../src/sealing/read-ahead.js';

describe('reading ahead', () => {
  const log: string[] = [];
  const read = async (item: number) => {
    log.push(`read ${item}`);
    await setTimeout(5);
    log.push(`has ${item}`);
    return item * 10;
  };
  const failing = (bad: number) => async (item: number) => {
    if (item === bad) throw new Error(`no ${item}`);
    return read(item);
  };
  beforeEach(() => log.splice(0));

  it('gives everything in order, and reads the next one, and only that, while one is looked at', async () => {
    const seen: number[] = [];
    for await (const result of readAhead([1, 2, 3], read)) {
      log.push(`look ${result}`);
      await setTimeout(15);
      seen.push(result);
    }
    expect(seen).toEqual([10, 20, 30]);
    expect(log).toEqual(['read 1', 'has 1', 'read 2', 'look 10', 'has 2', 'read 3', 'look 20', 'has 3', 'look 30']);
  });

  it('gives nothing for nothing', async () => {
    for await (const result of readAhead([], read)) log.push(`look ${result}`);
    expect(log).toEqual([]);
  });

  it('throws what the reading throws, once what was read before has been given', async () => {
    const seen: number[] = [];
    const all = async () => {
      for await (const result of readAhead([1, 2, 3], failing(2))) {
        await setTimeout(15); // the reading of 2 fails meanwhile, unheard
        seen.push(result);
      }
    };
    await expect(all()).rejects.toThrow('no 2');
    expect(seen).toEqual([10]);
    expect(log).toEqual(['read 1', 'has 1']);
  });

  it('has ended what it was reading when a caller leaves', async () => {
    for await (const result of readAhead([1, 2, 3], read)) {
      log.push(`look ${result}`);
      break;
    }
    expect(log).toEqual(['read 1', 'has 1', 'read 2', 'look 10', 'has 2']);
  });

  it('has ended what it was reading when a caller throws', async () => {
    const all = async () => {
      for await (const result of readAhead([1, 2, 3], read)) throw new Error(`at ${result}`);
    };
    await expect(all()).rejects.toThrow('at 10');
    expect(log).toEqual(['read 1', 'has 1', 'read 2', 'has 2']);
  });
});
