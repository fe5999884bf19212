import { describe, expect, it } from 'vitest';
import { Boot, fillIn } from './boot.ts';
import { FeaturePanelState, FromFeaturePanel, MAX_LIVE_TEXT, ToFeaturePanel } from './feature.ts';
import { FromTrainingPanel, ToTrainingPanel, TrainingPanelState } from './training.ts';

describe('messages of the panels', () => {
  it('pass when they are as agreed, without what nobody agreed on', () => {
    expect(FromFeaturePanel.parse({ type: 'open', feature: 3, beside: false, more: 1 })).toEqual({
      ...{ type: 'open', feature: 3, beside: false },
    });
    expect(FromTrainingPanel.safeParse({ type: 'act', job: 'a', action: 'pause' }).success).toBe(true);
    expect(ToTrainingPanel.safeParse({ type: 'failed', job: null, message: '' }).success).toBe(true);
    expect(ToFeaturePanel.safeParse({ type: 'bookmark', bookmarked: true }).success).toBe(true);
  });

  it.each([
    ...[undefined, null, 'ready', 7, [], {}, { type: 'evil' }, { type: 'open' }],
    { type: 'open', feature: -1, beside: false },
    { type: 'open', feature: 1.5, beside: false },
    { type: 'live', id: 1, text: 'x'.repeat(MAX_LIVE_TEXT + 1) },
    { type: 'steer', strength: Infinity, prompt: 'a', tokens: 4 },
    { type: 'steer', strength: 1, prompt: '', tokens: 4 },
    { type: 'steer', strength: 1, prompt: 'a', tokens: 1e9 },
    { type: 'act', job: 'a', action: 'delete' },
    { type: 'act', job: '', action: 'pause' },
  ])('are refused and never thrown: %j', (message) => {
    for (const schema of [FromFeaturePanel, FromTrainingPanel, ToFeaturePanel, ToTrainingPanel])
      expect(schema.safeParse(message).success).toBe(false);
  });

  it('of the other panel are refused', () => {
    expect(FromFeaturePanel.safeParse({ type: 'label', label: '' }).success).toBe(false);
    expect(FromFeaturePanel.safeParse({ type: 'show', jobs: [] }).success).toBe(false);
    expect(FromTrainingPanel.safeParse({ type: 'ready' }).success).toBe(false);
  });

  it('of state from an older version are nothing', () => {
    expect(FeaturePanelState.safeParse({ dictionary: 'd' }).success).toBe(false);
    expect(TrainingPanelState.safeParse({ shown: ['a'], logarithmic: true }).success).toBe(true);
  });

  it('begin with words that hold their places', () => {
    expect(Boot.safeParse({ words: { a: 1 }, scale: 'log' }).success).toBe(false);
    expect(fillIn('{1} of {0}, {2}', ['b', 'a'])).toBe('a of b, {2}');
  });
});
