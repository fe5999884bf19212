/** What the feature page and the extension tell each other. Both check every message; schemas are small, for they run in the page. */
import * as z from 'zod/mini';

const words = z.string().check(z.maxLength(1_000_000));
const name = z.string().check(z.minLength(1), z.maxLength(4096));
const feature = z.number().check(z.int(), z.gte(0));
const orNull = z.nullable(z.number());
const listOf = <Item extends z.core.SomeType>(item: Item, most = 10_000) => z.array(item).check(z.maxLength(most));

/** Of `FeatureResult`, as the page reads it. */
export const ShownFeature = z.object({
  dictionary: name,
  feature,
  label: z.nullable(words),
  density: orNull,
  tokens: orNull,
  corpus: z.nullable(name),
  histogram: listOf(z.object({ from: z.number(), count: z.number() })),
  topLogits: listOf(z.object({ token: words, effect: z.number() })),
  bottomLogits: listOf(z.object({ token: words, effect: z.number() })),
  similar: listOf(z.object({ feature, cosine: z.number(), label: z.nullable(words) })),
  passages: listOf(
    z.object({
      id: words,
      source: words,
      maximum: z.number(),
      share: z.number(),
      tokens: listOf(z.object({ text: words, activation: z.number() }), 100_000),
    }),
  ),
});
export type ShownFeature = z.infer<typeof ShownFeature>;

/** The parts of the page that load, fail and are tried again on their own. */
export const FEATURE_PARTS = ['page', 'passages', 'label', 'live', 'steer'] as const;
export type FeaturePart = (typeof FEATURE_PARTS)[number];
const Part = z.enum(FEATURE_PARTS);

export const ToFeaturePanel = z.discriminatedUnion('type', [
  /** Another feature: everything that the page shows of the last one is gone. */
  z.object({
    type: z.literal('open'),
    dictionary: name,
    feature,
    bookmarked: z.boolean(),
    corpora: listOf(name),
    corpus: z.nullable(name),
    /** Features of the dictionary; null while unknown. */
    features: orNull,
  }),
  /** The feature without a corpus, or with it once that was read. */
  z.object({ type: z.literal('feature'), page: ShownFeature }),
  /** A corpus was chosen, here or in the settings; its passages are on their way. */
  z.object({ type: z.literal('corpus'), corpus: z.nullable(name), corpora: listOf(name) }),
  z.object({ type: z.literal('label'), label: z.nullable(words) }),
  z.object({ type: z.literal('bookmark'), bookmarked: z.boolean() }),
  /** Tokens of the typed text `id`. Base64 as in `SegmentValues`, offsets relative to each segment's start. */
  z.object({
    type: z.literal('live'),
    id: z.number(),
    segments: listOf(z.object({ start: z.number(), spans: words, values: words })),
  }),
  z.object({
    type: z.literal('steered'),
    strength: z.number(),
    prompt: words,
    without: words,
    with: words,
    divergence: z.number(),
    seconds: z.number(),
  }),
  /** How far a part is that loads, 0 to 1. */
  z.object({ type: z.literal('progress'), part: Part, share: z.number().check(z.gte(0), z.lte(1)) }),
  z.object({ type: z.literal('failed'), part: Part, message: words }),
  z.object({ type: z.literal('cancelled'), part: Part }),
]);
export type ToFeaturePanel = z.infer<typeof ToFeaturePanel>;

/** UTF-16 units of the text that is read while it is typed. */
export const MAX_LIVE_TEXT = 20_000;

export const FromFeaturePanel = z.discriminatedUnion('type', [
  /** The page is there (again); also asks once more for what failed. */
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('open'), feature, beside: z.boolean() }),
  z.object({ type: z.literal('label'), label: z.nullable(z.string().check(z.minLength(1), z.maxLength(10_000))) }),
  z.object({ type: z.literal('bookmark'), bookmarked: z.boolean() }),
  z.object({ type: z.literal('corpus'), corpus: z.nullable(name) }),
  z.object({ type: z.literal('live'), id: z.number(), text: z.string().check(z.maxLength(MAX_LIVE_TEXT)) }),
  z.object({
    type: z.literal('steer'),
    strength: z.number().check(z.gte(-1e6), z.lte(1e6)),
    prompt: z.string().check(z.minLength(1), z.maxLength(100_000)),
    tokens: z.number().check(z.int(), z.gte(1), z.lte(2000)),
  }),
  z.object({ type: z.literal('cancel'), part: Part }),
]);
export type FromFeaturePanel = z.infer<typeof FromFeaturePanel>;

/** What the page keeps over a reload: which feature it is of, and what was typed. */
export const FeaturePanelState = z.object({
  dictionary: name,
  feature,
  text: z.string().check(z.maxLength(MAX_LIVE_TEXT)),
  prompt: z.string().check(z.maxLength(100_000)),
  strength: orNull,
});
export type FeaturePanelState = z.infer<typeof FeaturePanelState>;
