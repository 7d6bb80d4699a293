import { RateLimit } from '../src/server/rate-limit.js';

describe('a rate limit', () => {
  let nowMs = 0;
  let limit: RateLimit;
  beforeEach(() => {
    nowMs = 0;
    limit = new RateLimit(10, () => nowMs);
  });
  const takes = (times: number, caller = 'a') => Array.from({ length: times }, () => limit.take(caller));

  it('lets a burst of one second through, then says when the next token comes', () => {
    expect(takes(10)).toEqual(Array(10).fill(0));
    expect(limit.take('a')).toBe(100);
  });

  it('refills evenly, and never beyond its size', () => {
    takes(10);
    nowMs = 200;
    expect(takes(3)).toEqual([0, 0, 100]);
    nowMs = 60_000;
    expect(takes(11)).toEqual([...Array<number>(10).fill(0), 100]);
  });

  it('never refuses who stays under it', () => {
    for (let request = 0; request < 1000; request++, nowMs += 100) expect(limit.take('a')).toBe(0);
  });

  it('counts each caller for itself, and forgets the quiet ones', () => {
    takes(10);
    expect(limit.take('b')).toBe(0);
    expect(limit.callers).toBe(2);
    nowMs = 1000;
    limit.take('b');
    limit.sweep();
    expect(limit.callers).toBe(1);
  });
});
