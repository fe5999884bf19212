import { describe, expect, it, vi } from 'vitest';

vi.mock('vscode', async () => ({
  ...(await import('../../test/cancellation-source.ts')),
}));

const { PartRequests } = await import('./part-requests.ts');

describe('requests of a panel', () => {
  it('end the older one for the same part, and only that', async () => {
    const failed = vi.fn();
    const requests = new PartRequests<'live' | 'page'>(failed);
    const tokens: { isCancellationRequested: boolean }[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const start = (part: 'live' | 'page'): Promise<void> =>
      requests.run(part, async (token) => {
        tokens.push(token);
        await gate;
        if (token.isCancellationRequested) throw new Error('ended');
      });
    const all = [start('live'), start('page'), start('live')];
    expect(tokens.map((token) => token.isCancellationRequested)).toEqual([true, false, false]);
    release();
    await Promise.all(all);
    expect(failed).not.toHaveBeenCalled();
  });

  it('tell what failed by itself, and never reject', async () => {
    const failed = vi.fn();
    const requests = new PartRequests<'page'>(failed);
    const error = new Error('the daemon is gone');
    await requests.run('page', () => Promise.reject(error));
    expect(failed).toHaveBeenCalledExactlyOnceWith('page', error);
  });
});
