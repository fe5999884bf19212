/** What the editor asks to paint tokens: requests and answers about stretches of a text that is open somewhere. */
import { z } from 'zod';

const name = z.string().min(1).max(4096);
const feature = z.int().min(0);

/** A stretch of a document and the text right before it, which gives the model context and is not answered for. */
export const TextSegment = z.object({ context: z.string().max(8192), text: z.string().min(1).max(8192) });
export type TextSegment = z.infer<typeof TextSegment>;

/** The one number that a token is painted by. */
export const Measure = z.discriminatedUnion('kind', [
  /** Sum of the activations of these features. */
  z.object({ kind: z.literal('features'), features: z.array(feature).min(1).max(4096) }),
  /** Sum of the activations of features that fire on at most this share of tokens, see `DictionarySummary.densities`. */
  z.object({ kind: z.literal('rare'), maximumDensity: z.number().gt(0).max(1) }),
  /** The strongest activation. */
  z.object({ kind: z.literal('strongest') }),
  /** ‖x − x̂‖² */
  z.object({ kind: z.literal('error') }),
  /** ‖x − x̂‖² of the baseline less that of the dictionary: above 0 where the dictionary reconstructs better. */
  z.object({ kind: z.literal('difference'), baseline: name }),
]);
export type Measure = z.infer<typeof Measure>;

const MAX_SEGMENTS = 2048;

export const ReadSegmentsRequest = z.object({
  dictionary: name,
  measure: Measure,
  segments: z.array(TextSegment).min(1).max(MAX_SEGMENTS),
  /** Never counted: features that the reader has hidden. */
  hidden: z.array(feature).max(4096).default([]),
});
export type ReadSegmentsRequest = z.infer<typeof ReadSegmentsRequest>;

/** Tokens of one segment, special ones left out; arrays as base64 of little-endian bytes. */
export interface SegmentValues {
  /** Uint32 [2 × tokens]: start and end of each token, UTF-16 offsets into the segment's text. */
  readonly spans: string;
  /** Float32 [tokens]: the measure. */
  readonly values: string;
}

export interface ReadSegmentsResult {
  readonly model: string;
  readonly hookPoint: string;
  readonly dictionary: string;
  /** In the order of the request's segments. */
  readonly segments: readonly SegmentValues[];
  readonly seconds: number;
}

export const ReadTokenRequest = z.object({
  dictionary: name,
  segment: TextSegment,
  /** UTF-16 offset into the segment's text. */
  offset: z.int().min(0),
  top: z.int().min(1).max(4096).default(8),
  hidden: z.array(feature).max(4096).default([]),
  /** Read by this dictionary too. */
  baseline: name.nullable().default(null),
});
export type ReadTokenRequest = z.infer<typeof ReadTokenRequest>;

export interface TokenFeature {
  readonly feature: number;
  readonly activation: number;
  readonly label: string | null;
  /** Share of tokens it fires on; null where nobody counted. */
  readonly density: number | null;
}

export interface TokenReading {
  readonly dictionary: string;
  /** ‖x − x̂‖² */
  readonly reconstructionError: number;
  /** Features that fire on the token; `features` holds the strongest of them. */
  readonly firing: number;
  /** Sorted by activation. */
  readonly features: readonly TokenFeature[];
}

export interface ReadTokenResult {
  readonly text: string;
  /** UTF-16 offsets into the segment's text. */
  readonly start: number;
  readonly end: number;
  readonly reading: TokenReading;
  readonly baseline: TokenReading | null;
}

/** The features that fire on a text, or more on it than on another. */
export const TextFeaturesRequest = z.object({
  dictionary: name,
  text: z.string().min(1).max(1_000_000),
  /** "Fires here, not there": the text that the features should not fire on. */
  against: z.string().min(1).max(1_000_000).nullable().default(null),
  limit: z.int().min(1).max(1000).default(50),
});
export type TextFeaturesRequest = z.infer<typeof TextFeaturesRequest>;

export interface TextFeature {
  readonly feature: number;
  readonly label: string | null;
  /** Mean activation over the text's tokens. */
  readonly mean: number;
  readonly maximum: number;
  /** Share of the text's tokens it fires on. */
  readonly share: number;
  /** The same mean over the other text; null without one. */
  readonly meanAgainst: number | null;
  /** Share of tokens it fires on in general; null where nobody counted. */
  readonly density: number | null;
  /** What the list is sorted by, see `formula`. */
  readonly score: number;
}

export interface TextFeaturesResult {
  readonly dictionary: string;
  readonly tokens: number;
  readonly tokensAgainst: number | null;
  readonly formula: string;
  readonly features: readonly TextFeature[];
}
