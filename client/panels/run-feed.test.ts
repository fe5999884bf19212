import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../server/protocol/jobs.ts';
import { ToTrainingPanel } from '../../server/protocol/panels/training.ts';
import { RunFeed, runOf } from './run-feed.ts';

function job(step: number, kind: Job['kind'] = 'train'): Job {
  const figures = { loss: 1 / step, effectiveSampleSize: 8, l0: 4, explainedVariance: 0.5, deadShare: null };
  const progress = {
    ...{ stage: 'training', done: step, total: 100, unit: 'steps', note: null, perSecond: 2, secondsLeft: 3 },
    point: { step, ...figures, learningRate: 1e-3 },
  };
  const state = { kind: 'running', since: 'now', progress } as const;
  return { id: 'a', kind, title: 'a', created: '2026', attempts: 1, state };
}

describe('the feed of the training panel', () => {
  let posted: ToTrainingPanel[];
  let feed: RunFeed;
  beforeEach(() => {
    vi.useFakeTimers();
    posted = [];
    feed = new RunFeed(
      (message) => posted.push(ToTrainingPanel.parse(message)),
      () => true,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const steps = (): number[][] =>
    posted.flatMap((message) => (message.type === 'points' ? [message.points.map(({ step }) => step)] : []));

  it('passes ten points a second on in at most four messages', () => {
    for (let step = 1; step <= 10; step++) {
      feed.take(job(step));
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(250);
    expect(steps().flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(steps().length).toBeLessThanOrEqual(4);
  });

  it('holds points back until the history has come, and repeats none of it', () => {
    feed.hold('a');
    for (const step of [4, 5, 6]) feed.take(job(step));
    vi.advanceTimersByTime(1000);
    expect(steps()).toEqual([]);
    feed.release('a', 5);
    expect(steps()).toEqual([[6]]);
    feed.take(job(7));
    vi.advanceTimersByTime(250);
    expect(steps()).toEqual([[6], [7]]);
  });

  it('forgets what a run told after the checkpoint that it went back to', () => {
    for (const step of [8, 9, 10, 8]) feed.take(job(step));
    vi.advanceTimersByTime(250);
    expect(steps()).toEqual([[8]]);
  });

  it('knows training runs only', () => {
    expect(runOf(job(1, 'ingest'))).toBeNull();
    feed.take(job(1, 'evaluate'));
    vi.advanceTimersByTime(250);
    expect(posted).toEqual([]);
  });
});
