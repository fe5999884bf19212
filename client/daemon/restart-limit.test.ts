import { describe, expect, it } from 'vitest';
import { RestartLimit } from './restart-limit.ts';

describe('the limit of restarts', () => {
  it('is reached by three losses within a minute, and not by three in an hour', () => {
    const limit = new RestartLimit();
    for (const at of [0, 100_000, 200_000, 210_000]) limit.lost(at);
    expect(limit.reached(220_000)).toBe(false);
    limit.lost(225_000);
    expect(limit.reached(226_000)).toBe(true);
    expect(limit.reached(261_000)).toBe(false);
  });

  it('is forgotten when the user asks for another try', () => {
    const limit = new RestartLimit();
    for (const at of [1, 2, 3]) limit.lost(at);
    limit.forget();
    expect(limit.reached(4)).toBe(false);
  });
});
