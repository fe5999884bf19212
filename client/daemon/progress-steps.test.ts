import { describe, expect, it } from 'vitest';
import type { JobProgress } from '../../server/protocol/jobs.ts';
import { ProgressSteps, timeLeft } from './progress-steps.ts';

function progress(stage: string, done: number, total: number | null): JobProgress {
  return { stage, done, total, unit: 'bytes', note: null, perSecond: null, secondsLeft: null, point: null };
}

describe('progress of a job', () => {
  it('adds up to the share that is done, never backwards', () => {
    const steps = new ProgressSteps();
    expect(steps.next(progress('reading', 20, 200))).toEqual({ increment: 10, percent: 10 });
    expect(steps.next(progress('reading', 10, 200))).toEqual({ increment: 0, percent: 5 });
    expect(steps.next(progress('reading', 100, 200))).toEqual({ increment: 40, percent: 50 });
    expect(steps.next(progress('reading', 999, 200))).toEqual({ increment: 50, percent: 100 });
  });

  it('says nothing where the total is unknown, and begins no bar anew at a later stage', () => {
    const steps = new ProgressSteps();
    expect(steps.next(progress('searching', 5, null))).toEqual({ increment: 0, percent: null });
    expect(steps.next(progress('reading', 30, 100))).toEqual({ increment: 30, percent: 30 });
    expect(steps.next(progress('writing', 10, 100))).toEqual({ increment: 0, percent: 10 });
    expect(steps.next(progress('writing', 40, 100))).toEqual({ increment: 10, percent: 40 });
  });

  it('tells the time left as people say it', () => {
    expect([0, 12, 54, 59, 90, 3599, 5400].map(timeLeft)).toEqual([
      { kind: 'seconds', seconds: 1 },
      { kind: 'seconds', seconds: 15 },
      { kind: 'seconds', seconds: 55 },
      { kind: 'minutes', minutes: 1 },
      { kind: 'minutes', minutes: 2 },
      { kind: 'hours', hours: 1, minutes: 0 },
      { kind: 'hours', hours: 1, minutes: 30 },
    ]);
  });
});
