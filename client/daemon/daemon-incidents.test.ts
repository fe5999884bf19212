import { describe, expect, it } from 'vitest';
import { DaemonIncidents } from './daemon-incidents.ts';
import { DaemonUnavailable, type DaemonState } from './daemon-state.ts';

const idle: DaemonState = { kind: 'idle' };
const starting: DaemonState = { kind: 'starting' };
const ready = (pid: number, version = '1.0.0'): DaemonState => ({ kind: 'ready', pid, version });
const lost = (pid: number): DaemonState => ({ kind: 'lost', pid });
const failed = (message: string): DaemonState => ({
  kind: 'failed',
  failure: new DaemonUnavailable('cannot start', message),
});

function told(...states: readonly DaemonState[]) {
  const incidents = new DaemonIncidents('1.0.0');
  return states.map((state) => incidents.next(state)).filter((notice) => notice !== null);
}

describe('notices of the daemon', () => {
  it('are none while it is started and stopped as asked', () => {
    expect(told(idle, starting, ready(1), idle, starting, ready(2))).toEqual([]);
  });

  it('tell once that it was lost, when it is back', () => {
    expect(told(ready(1), lost(1), starting, ready(2), ready(2))).toEqual([{ kind: 'returned', lost: 1 }]);
    expect(told(ready(1), lost(1), starting, ready(2), lost(2), starting, ready(3))).toHaveLength(2);
  });

  it('say nothing of a loss that the user has seen to by a restart', () => {
    expect(told(ready(1), lost(1), idle, starting, ready(2))).toEqual([]);
  });

  it('tell a failure in place of the loss before it, and not again for every request that meets it', () => {
    const failure = { kind: 'failed', why: 'cannot start', message: 'no Node' };
    expect(told(ready(1), lost(1), failed('no Node'), starting, failed('no Node'))).toEqual([failure]);
    expect(told(failed('no Node'), starting, ready(2), failed('no Node'))).toEqual([failure, failure]);
    expect(told(failed('no Node'), failed('no socket'))).toHaveLength(2);
  });

  it('name the version of a daemon that is not ours, once a process', () => {
    const other = { kind: 'other version', version: '0.9.0' };
    expect(told(starting, ready(1, '0.9.0'), idle, ready(1, '0.9.0'), ready(2, '0.9.0'))).toEqual([other, other]);
  });
});
