import { describe, expect, it } from 'vitest';
import { WorkError } from '../foundation/errors.ts';
import type { DaemonConnection } from '../protocol/connection.ts';
import { ShowStatus } from '../protocol/messages.ts';
import { DaemonLink } from './daemon-link.ts';

/** Connections that are lost with their first request until `livesFrom`. */
function connections(livesFrom: number) {
  const opened: number[] = [];
  const open = (): Promise<DaemonConnection> => {
    const number = opened.push(opened.length);
    let lose: (reason: string | null) => void = () => undefined;
    const closed = new Promise<string | null>((settle) => (lose = settle));
    const request = (): Promise<unknown> => {
      if (number >= livesFrom) return Promise.resolve(number);
      lose(null);
      return Promise.reject(new WorkError('the daemon closed the connection'));
    };
    return Promise.resolve({ closed, request, dispose: () => undefined } as unknown as DaemonConnection);
  };
  return { open, opened };
}

describe('the link to the daemon', () => {
  it('is made again when it is lost, and the request asked again', async () => {
    const { open, opened } = connections(2);
    const link = new DaemonLink(open);
    expect(await link.request(ShowStatus, {})).toBe(2);
    expect(await link.request(ShowStatus, {})).toBe(2);
    expect(opened).toHaveLength(2);
  });

  it('is made three times a minute at most', async () => {
    const { open, opened } = connections(Infinity);
    let now = 0;
    const link = new DaemonLink(open, () => now);
    await expect(link.request(ShowStatus, {})).rejects.toThrow('closed the connection');
    await expect(link.request(ShowStatus, {})).rejects.toThrow('3 times within a minute');
    await expect(link.request(ShowStatus, {})).rejects.toThrow('3 times within a minute');
    expect(opened).toHaveLength(3);
    now = 61_000;
    await expect(link.request(ShowStatus, {})).rejects.toThrow('closed the connection');
    expect(opened.length).toBeGreaterThan(3);
  });

  it('does not ask again what failed for another reason', async () => {
    let asked = 0;
    const open = (): Promise<DaemonConnection> =>
      Promise.resolve({
        closed: new Promise(() => undefined),
        request: () => {
          asked++;
          return Promise.reject(new WorkError('the file is damaged'));
        },
      } as unknown as DaemonConnection);
    await expect(new DaemonLink(open).request(ShowStatus, {})).rejects.toThrow('damaged');
    expect(asked).toBe(1);
  });
});
