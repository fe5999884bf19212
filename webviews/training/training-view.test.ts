import { describe, expect, it } from 'vitest';
import type { Run, RunPoint, ToTrainingPanel } from '../../server/protocol/panels/training.ts';
import { aligned, chartsOf, readings } from './chart-data.ts';
import { duration } from './duration.ts';
import { columnsOf, latest, merged, noPoints, type RunPoints } from './run-points.ts';
import { afterEvent, type TrainingEvent, type TrainingView } from './training-view.ts';

const point = (step: number, loss = 1 / step): RunPoint => ({
  ...{ step, loss, effectiveSampleSize: 512, l0: 32, explainedVariance: null, deadShare: 0 },
});
const points = (...steps: number[]): RunPoints => columnsOf(steps.map((step) => point(step)));
const column = (values: readonly number[]): string =>
  btoa(String.fromCharCode(...new Uint8Array(Float64Array.from(values).buffer)));
const run = (job: string): Run => ({
  ...{ job, title: job, kind: 'train', created: '2026', attempts: 1, state: 'running', reason: null, progress: null },
});
const history = (job: string, steps: readonly number[]): Extract<ToTrainingPanel, { type: 'history' }> => ({
  ...{ type: 'history', job, batch: 1024, step: column(steps) },
  series: {
    loss: column(steps.map((step) => 1 / step)),
    effectiveSampleSize: column(steps.map(() => 512)),
    l0: column(steps.map(() => 32)),
    explainedVariance: column(steps.map(() => NaN)),
    deadShare: column(steps.map(() => 0)),
    tilt: column(steps.map(() => (job === 'tilted' ? 40 : 0))),
    divergence: column(steps.map((step) => (job === 'kept' && step > 1 ? 0.2 : NaN))),
  },
});
const empty: TrainingView = { runs: null, shown: [], failure: null };
const after = (...events: TrainingEvent[]): TrainingView => events.reduce(afterEvent, empty);

describe('points of a run', () => {
  it('follow one another; later ones take the place of earlier ones from their first step on', () => {
    expect(merged(points(1, 2, 3), points(4, 5)).step).toEqual([1, 2, 3, 4, 5]);
    const resumed = merged(points(1, 5, 9), columnsOf([point(5, 7), point(6, 7)]));
    expect(resumed.step).toEqual([1, 5, 6]);
    expect(resumed.series.loss).toEqual([1, 7, 7]);
    expect(merged(points(1, 2), noPoints).step).toEqual([1, 2]);
  });

  it('stay bounded over days, first and last kept', () => {
    let all = noPoints;
    for (let step = 1; step <= 60_000; step += 100)
      all = merged(all, points(...Array.from({ length: 100 }, (_, place) => step + place)));
    expect(all.step.length).toBeLessThanOrEqual(8192);
    expect([all.step[0], all.step.at(-1)]).toEqual([1, 60_000]);
    expect(all.series.l0).toHaveLength(all.step.length);
  });

  it('have a latest value where there is one', () => {
    expect(latest(points(1, 2), 'loss')).toBe(0.5);
    expect(latest(points(1, 2), 'explainedVariance')).toBeNull();
  });
});

describe('charts', () => {
  const known = after(
    { type: 'runs', runs: [run('a'), run('b')], show: null },
    history('a', [1, 3]),
    history('b', [2, 3]),
  );

  it('put runs of different steps on one axis', () => {
    expect(aligned(known.runs!, 'loss', false)).toEqual([
      [1, 2, 3],
      [1, undefined, 1 / 3],
      [undefined, 0.5, 1 / 3],
    ]);
  });

  it('draw the effective sample size as a share of the batch, and no logarithm of 0', () => {
    expect(aligned([known.runs![0]!], 'effectiveSampleSize', false)[1]).toEqual([0.5, 0.5]);
    expect(aligned([known.runs![0]!], 'deadShare', true)[1]).toEqual([null, null]);
  });

  it('hold the tilt beside the effective sample size where a shown run is tilted, and the divergence where one has it', () => {
    const names = (...jobs: string[]): string[] => {
      const runs = jobs.map(run);
      const view = after({ type: 'runs', runs, show: null }, ...jobs.map((job) => history(job, [1, 2])));
      return chartsOf(view.runs!).map(({ series }) => series);
    };
    expect(names('a', 'b')).toEqual(['loss', 'effectiveSampleSize', 'l0', 'explainedVariance', 'deadShare']);
    expect(names('a', 'tilted').slice(0, 3)).toEqual(['loss', 'effectiveSampleSize', 'tilt']);
    expect(names('a', 'kept').slice(-2)).toEqual(['deadShare', 'divergence']);
  });

  it('draw a tilt that comes with the points of a run, and none where it was not noted', () => {
    const told = columnsOf([{ ...point(1), tilt: 0 }, { ...point(2), tilt: 12.5 }, point(3)]);
    expect(told.series.tilt).toEqual([0, 12.5, null]);
  });

  it('are read at or before the cursor', () => {
    expect(readings(known.runs!, 'loss', 2)).toEqual([1, 0.5]);
    expect(readings(known.runs!, 'loss', null)).toEqual([1 / 3, 1 / 3]);
    expect(readings(known.runs!, 'loss', 0)).toEqual([null, null]);
  });
});

describe('the training panel', () => {
  it('shows the newest run first of all, else what was asked for beside what is shown', () => {
    expect(after({ type: 'runs', runs: [run('b'), run('a')], show: null }).shown).toEqual(['b']);
    expect(
      after(
        { type: 'runs', runs: [run('b'), run('a')], show: null },
        { type: 'runs', runs: [run('c'), run('b'), run('a')], show: 'a' },
      ).shown,
    ).toEqual(['b', 'a']);
  });

  it('keeps what it knows when the list comes again, and forgets runs that are gone', () => {
    const first = after({ type: 'runs', runs: [run('b'), run('a')], show: 'a' }, history('a', [1, 2]));
    const again = afterEvent(first, { type: 'runs', runs: [run('a')], show: null });
    expect(again.runs!.map(({ points: { step } }) => step)).toEqual([[1, 2]]);
    expect(afterEvent(again, { type: 'runs', runs: [run('z')], show: null }).shown).toEqual(['z']);
  });

  it('adds a run that starts, and draws its points as they come', () => {
    const view = after(
      { type: 'runs', runs: [run('a')], show: null },
      { type: 'run', run: run('b') },
      { type: 'points', job: 'b', points: [point(1)] },
      { type: 'points', job: 'b', points: [point(2)] },
    );
    expect(view.runs!.map(({ run: { job }, points: { step } }) => [job, step.length])).toEqual([
      ['b', 2],
      ['a', 0],
    ]);
  });

  it('says in place which history is damaged', () => {
    const damaged = { ...history('a', [1, 2]), step: column([1]) };
    const view = after({ type: 'runs', runs: [run('a')], show: null }, damaged);
    expect(view.runs![0]!.failure).toContain('2 values for 1 steps');
    expect(afterEvent(view, { type: 'retry' }).runs![0]!.failure).toBeNull();
  });

  it('writes times as people read them', () => {
    expect([0.2, 61, 3600, 4000, null].map(duration)).toEqual([
      '1\u202fs',
      '1\u202fmin',
      '1\u202fh 00\u202fmin',
      '1\u202fh 07\u202fmin',
      '–',
    ]);
  });
});
