import { describe, expect, it } from 'vitest';
import { Pace } from './pace.ts';

const progress = (done: number, stage = 'training'): Parameters<Pace['measure']>[0] => ({
  stage,
  done,
  total: 100,
  unit: 'steps',
});

describe('pace', () => {
  it('tells rate and seconds left once there are two reports', () => {
    const pace = new Pace();
    expect(pace.measure(progress(0), 100)).toMatchObject({ perSecond: null, secondsLeft: null });
    expect(pace.measure(progress(10), 105)).toMatchObject({ perSecond: 2, secondsLeft: 45 });
    expect(pace.measure(progress(10), 105)).toMatchObject({ perSecond: 2, secondsLeft: 45 });
  });

  it('follows a change of speed within some ten seconds', () => {
    const pace = new Pace();
    pace.measure(progress(0), 0);
    pace.measure(progress(10), 10);
    for (let second = 11; second <= 30; second++) pace.measure(progress(10 + (second - 10) * 4), second);
    const { perSecond, secondsLeft } = pace.measure(progress(90), 30);
    expect(perSecond).toBeGreaterThan(3);
    expect(perSecond).toBeLessThan(4);
    expect(secondsLeft).toBeCloseTo(10 / perSecond!, 6);
  });

  it('leaves out a time in which the machine was suspended, but not a lasting change', () => {
    const pace = new Pace();
    for (let second = 0; second <= 20; second++) pace.measure(progress(second), second / 10);
    expect(pace.measure(progress(21), 3602)).toMatchObject({ perSecond: expect.closeTo(10, 6) as number });
    expect(pace.measure(progress(22), 3602.1).secondsLeft).toBeCloseTo(7.8, 6);
    pace.measure(progress(23), 3622);
    expect(pace.measure(progress(24), 3642).perSecond).toBeLessThan(2);
  });

  it('starts anew with another stage, and does not guess without a total', () => {
    const pace = new Pace();
    pace.measure(progress(0), 0);
    pace.measure(progress(50), 10);
    expect(pace.measure(progress(0, 'measuring'), 11).perSecond).toBeNull();
    expect(pace.measure({ ...progress(8, 'measuring'), total: null }, 12)).toMatchObject({
      perSecond: 8,
      secondsLeft: null,
    });
  });
});
