/** What the page shows, and how each message changes it. */
import type { FeaturePart, ShownFeature, ToFeaturePanel } from '../../server/protocol/panels/feature.ts';
import type { ShownToken } from '../kit/painted-tokens.tsx';
import type { Part } from '../kit/part.tsx';
import { liveTokens } from './live-tokens.ts';

type Opened = Extract<ToFeaturePanel, { type: 'open' }>;
export type Steered = Extract<ToFeaturePanel, { type: 'steered' }>;

export interface FeatureView {
  readonly subject: Pick<Opened, 'dictionary' | 'feature' | 'features'> | null;
  readonly bookmarked: boolean;
  readonly corpora: readonly string[];
  readonly corpus: string | null;
  readonly label: { readonly text: string | null; readonly before: string | null | undefined };
  /** Without a corpus: logits, similar features. */
  readonly page: Part<ShownFeature>;
  /** The same with passages, histogram and density. */
  readonly passages: Part<ShownFeature>;
  readonly labelling: Part<null>;
  readonly live: Part<{ readonly id: number; readonly tokens: readonly ShownToken[] }>;
  readonly steer: Part<Steered>;
  /** The text box's text; `id` counts the readings that were asked for. */
  readonly typed: { readonly id: number; readonly text: string };
}

export type FeatureEvent =
  | ToFeaturePanel
  /** The page has asked for a part and waits. */
  | { readonly type: 'asked'; readonly part: FeaturePart }
  /** The text box holds this text, not read yet. */
  | { readonly type: 'typed'; readonly text: string };

const none = { kind: 'none' } as const;
const loading = { kind: 'loading' } as const;

export const nothing: FeatureView = {
  ...{ subject: null, bookmarked: false, corpora: [], corpus: null, label: { text: null, before: undefined } },
  ...{ page: loading, passages: none, labelling: none, live: none, steer: none },
  typed: { id: 0, text: '' },
};

const FIELD = { page: 'page', passages: 'passages', label: 'labelling', live: 'live', steer: 'steer' } as const;

function withPart(view: FeatureView, part: FeaturePart, state: Part<never>): FeatureView {
  return { ...view, [FIELD[part]]: state };
}

export function afterEvent(view: FeatureView, event: FeatureEvent): FeatureView {
  switch (event.type) {
    case 'open': {
      const { dictionary, feature, features, bookmarked, corpora, corpus } = event;
      const passages = corpus === null ? none : loading;
      const typed = { ...view.typed, id: view.typed.id + 1 };
      return { ...nothing, subject: { dictionary, feature, features }, bookmarked, corpora, corpus, passages, typed };
    }
    case 'feature':
      return afterFeature(view, event.page);
    case 'corpus': {
      const { corpora, corpus } = event;
      return { ...view, corpora, corpus, passages: corpus === null ? none : loading };
    }
    case 'label': {
      const label = { text: event.label, before: view.label.text };
      return { ...view, label, labelling: none };
    }
    case 'bookmark':
      return { ...view, bookmarked: event.bookmarked };
    case 'typed':
      return {
        ...view,
        typed: { id: view.typed.id + 1, text: event.text },
        live: event.text === '' ? none : view.live,
      };
    case 'live':
      return event.id === view.typed.id ? { ...view, live: painted(event, view.typed.text) } : view;
    case 'steered':
      return { ...view, steer: { kind: 'ready', value: event } };
    case 'asked':
      return withPart(view, event.part, loading);
    case 'progress':
      return view[FIELD[event.part]].kind === 'loading'
        ? withPart(view, event.part, { kind: 'loading', share: event.share })
        : view;
    case 'failed':
      // One message says it: what failed for the feature fails for its passages too.
      if (event.part === 'page') return { ...view, page: { kind: 'failed', message: event.message }, passages: none };
      return withPart(view, event.part, { kind: 'failed', message: event.message });
    case 'cancelled':
      return withPart(view, event.part, { kind: 'cancelled' });
  }
}

/** An answer about another feature or corpus than the page is now of comes too late and is dropped. */
function afterFeature(view: FeatureView, page: ShownFeature): FeatureView {
  const { subject } = view;
  if (subject === null || page.feature !== subject.feature || page.dictionary !== subject.dictionary) return view;
  const ready = { kind: 'ready', value: page } as const;
  const label = { ...view.label, text: page.label };
  if (page.corpus === null) return { ...view, label, page: ready };
  if (page.corpus !== view.corpus) return view;
  return { ...view, label, page: view.page.kind === 'ready' ? view.page : ready, passages: ready };
}

function painted(event: Extract<ToFeaturePanel, { type: 'live' }>, text: string): FeatureView['live'] {
  try {
    return { kind: 'ready', value: { id: event.id, tokens: liveTokens(text, event.segments) } };
  } catch (error) {
    return { kind: 'failed', message: String(error) };
  }
}

/** Activation that the page's scales end at: the feature's strongest, where a corpus tells it. */
export function strongest({ passages }: FeatureView): number | null {
  return passages.kind === 'ready' ? (passages.value.passages[0]?.maximum ?? null) : null;
}
