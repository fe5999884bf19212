import { describe, expect, it } from 'vitest';
import type { ShownFeature, ToFeaturePanel } from '../../server/protocol/panels/feature.ts';
import { afterEvent, type FeatureEvent, type FeatureView, nothing, strongest } from './feature-view.ts';
import { liveTokens } from './live-tokens.ts';
import { byQuantile, type Passage } from './quantiles.ts';

const passage = (share: number): Passage => ({ id: `p${share}`, source: 's', maximum: 10 * share, share, tokens: [] });
const open: ToFeaturePanel = {
  ...{ type: 'open', dictionary: 'd', feature: 3, bookmarked: false, corpora: ['c'], corpus: 'c', features: 8 },
};
const page = (feature: number, corpus: string | null, label: string | null = null): ShownFeature => ({
  ...{ dictionary: 'd', feature, label, density: null, tokens: null, corpus, histogram: [] },
  ...{ topLogits: [], bottomLogits: [], similar: [], passages: corpus === null ? [] : [passage(1)] },
});
const after = (...events: FeatureEvent[]): FeatureView => events.reduce(afterEvent, nothing);
const base64 = (values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): string =>
  btoa(String.fromCharCode(...new Uint8Array(values.buffer)));

describe('passages of a feature', () => {
  it('are grouped by quarter of the strongest activation, strongest first, each in one group', () => {
    const groups = byQuantile([0.5, 1, 0.75, 0.76, 0.1, 0.2, 0.51].map(passage));
    expect(groups.map(({ from, to, passages }) => [from, to, passages.map(({ share }) => share)])).toEqual([
      [0.75, 1, [1, 0.76]],
      [0.5, 0.75, [0.75, 0.51]],
      [0.25, 0.5, [0.5]],
      [0, 0.25, [0.2, 0.1]],
    ]);
    expect(byQuantile([passage(1)])).toHaveLength(1);
    expect(byQuantile([])).toEqual([]);
  });
});

describe('tokens of typed text', () => {
  it('cover the whole text once, in order', () => {
    const segments = [
      { start: 0, spans: base64(Uint32Array.of(0, 3, 4, 7)), values: base64(Float32Array.of(0, 2)) },
      { start: 8, spans: base64(Uint32Array.of(0, 3)), values: base64(Float32Array.of(1)) },
    ];
    const tokens = liveTokens('one two six!', segments);
    expect(tokens.map(({ text }) => text).join('')).toBe('one two six!');
    expect(tokens.filter(({ activation }) => activation > 0)).toEqual([
      { text: 'two', activation: 2 },
      { text: 'six', activation: 1 },
    ]);
  });

  it('of one character are painted by the strongest of them', () => {
    const segments = [
      { start: 0, spans: base64(Uint32Array.of(0, 2, 2, 2, 0, 2)), values: base64(Float32Array.of(1, 3, 2)) },
    ];
    expect(liveTokens('🐳', segments)).toEqual([{ text: '🐳', activation: 3 }]);
  });
});

describe('the feature page', () => {
  it('shows the cheap part first and the corpus when it has been read', () => {
    const half = after(open, { type: 'feature', page: page(3, null, 'ships') });
    expect([half.page.kind, half.passages.kind, half.label.text, strongest(half)]).toEqual([
      ...['ready', 'loading', 'ships', null],
    ]);
    const whole = afterEvent(half, { type: 'feature', page: page(3, 'c', 'ships') });
    expect([whole.passages.kind, strongest(whole)]).toEqual(['ready', 10]);
  });

  it('says how far a part is, until it is there', () => {
    const progress = { type: 'progress', part: 'passages', share: 0.4 } as const;
    const half = after(open, progress);
    expect([half.page, half.passages]).toEqual([{ kind: 'loading' }, { kind: 'loading', share: 0.4 }]);
    const whole = after(open, { type: 'feature', page: page(3, 'c') }, progress);
    expect(whole.passages.kind).toBe('ready');
  });

  it('drops answers about a feature, corpus or text that it has left', () => {
    const view = after(open, { type: 'feature', page: page(4, null) }, { type: 'feature', page: page(3, 'other') });
    expect([view.page.kind, view.passages.kind]).toEqual(['loading', 'loading']);
    const typed = after(open, { type: 'typed', text: 'a' }, { type: 'typed', text: 'ab' });
    const late = afterEvent(typed, { type: 'live', id: typed.typed.id - 1, segments: [] });
    expect(late.live.kind).toBe('none');
    expect(afterEvent(typed, { type: 'live', id: typed.typed.id, segments: [] }).live.kind).toBe('ready');
  });

  it('keeps the typed text for the next feature and asks for it anew', () => {
    const typed = after(open, { type: 'typed', text: 'whale' });
    const next = afterEvent(typed, { ...open, feature: 4 });
    expect(next.typed.text).toBe('whale');
    expect(next.typed.id).toBeGreaterThan(typed.typed.id);
    expect(next.live.kind).toBe('none');
  });

  it('offers the label of before once one was saved', () => {
    const view = after(
      open,
      { type: 'feature', page: page(3, null, 'ships') },
      { type: 'asked', part: 'label' },
      { type: 'label', label: 'boats' },
    );
    expect(view.label).toEqual({ text: 'boats', before: 'ships' });
    expect(view.labelling.kind).toBe('none');
  });

  it('says what failed in its place, and once', () => {
    const view = after(open, { type: 'failed', part: 'steer', message: 'no model' });
    expect(view.steer).toEqual({ kind: 'failed', message: 'no model' });
    expect(afterEvent(view, { type: 'failed', part: 'page', message: 'gone' })).toMatchObject({
      page: { kind: 'failed' },
      passages: { kind: 'none' },
    });
    const damaged = after(open, { type: 'typed', text: 'a' });
    const segments = [{ start: 0, spans: '!', values: '!' }];
    expect(afterEvent(damaged, { type: 'live', id: damaged.typed.id, segments }).live.kind).toBe('failed');
  });
});
