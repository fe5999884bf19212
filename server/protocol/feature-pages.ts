/** Requests and answers about single features: their page, names, search, and what they do to the model's words. */
import { z } from 'zod';

const name = z.string().min(1).max(4096);
const feature = z.int().min(0);

export const FeatureRequest = z.object({
  dictionary: name,
  feature,
  /** Corpus whose top passages are shown; null shows none. */
  corpus: name.nullable().default(null),
  passages: z.int().min(0).max(1000).default(10),
  logits: z.int().min(0).max(1000).default(10),
});
export type FeatureRequest = z.infer<typeof FeatureRequest>;

export interface FeaturePassage {
  readonly id: string;
  readonly source: string;
  readonly maximum: number;
  /** Share of the feature's strongest activation: 1 down to 0, what groups passages into quantiles. */
  readonly share: number;
  readonly tokens: readonly { readonly text: string; readonly activation: number }[];
}

export interface FeatureResult {
  readonly dictionary: string;
  readonly feature: number;
  readonly label: string | null;
  /** Share of the corpus's tokens it fires on; without a corpus the dictionary's own count, null where nobody counted. */
  readonly density: number | null;
  /** Tokens that density (and with a corpus histogram and passages) are from: 0 where the count does not say, null without a density. */
  readonly tokens: number | null;
  readonly corpus: string | null;
  /** Tokens by activation, in octaves from the first with a token to the last: `count` of them in [from, 2 from). Empty without a corpus. */
  readonly histogram: readonly { readonly from: number; readonly count: number }[];
  readonly topLogits: readonly { readonly token: string; readonly effect: number }[];
  readonly bottomLogits: readonly { readonly token: string; readonly effect: number }[];
  /** Features whose decoder rows point most nearly the same way, nearest first. */
  readonly similar: readonly { readonly feature: number; readonly cosine: number; readonly label: string | null }[];
  /** Strongest first: half are the strongest, half from the octaves below, none repeats another. */
  readonly passages: readonly FeaturePassage[];
}

export const LabelFeatureRequest = z.object({
  dictionary: name,
  feature,
  /** null takes the label away. */
  label: z.string().trim().min(1).max(10_000).nullable(),
});
export type LabelFeatureRequest = z.infer<typeof LabelFeatureRequest>;

export const SearchFeaturesRequest = z.object({
  dictionary: name,
  /** Words of the label, or a feature's number. */
  query: z.string().max(10_000),
  limit: z.int().min(1).max(1000).default(50),
});
export type SearchFeaturesRequest = z.infer<typeof SearchFeaturesRequest>;

export interface FoundFeature {
  readonly feature: number;
  readonly label: string | null;
  readonly density: number | null;
}

export const SimilarFeaturesRequest = z.object({
  dictionary: name,
  feature,
  limit: z.int().min(1).max(1000).default(20),
});
export type SimilarFeaturesRequest = z.infer<typeof SimilarFeaturesRequest>;

export type SimilarFeaturesResult = readonly {
  readonly feature: number;
  readonly cosine: number;
  readonly label: string | null;
}[];

export const SteerRequest = z.object({
  dictionary: name,
  feature,
  /** Added to the residual stream: strength × W_dec[feature]; in units of the feature's activation. */
  strength: z.number().min(-1e6).max(1e6),
  prompt: z.string().min(1).max(100_000),
  /** Tokens of the continuation. */
  tokens: z.int().min(1).max(2000).default(40),
  /** 0 takes the most likely token each time. */
  temperature: z.number().min(0).max(10).default(0),
  seed: z.int().min(0).max(0x7fffffff).default(0),
});
export type SteerRequest = z.infer<typeof SteerRequest>;

export interface SteerResult {
  readonly dictionary: string;
  readonly feature: number;
  readonly strength: number;
  readonly prompt: string;
  /** Continuations, prompt left out. */
  readonly without: string;
  readonly with: string;
  /** Mean over the steered positions of KL(without ‖ with) of the next-token prediction on the prompt, nats. */
  readonly divergence: number;
  readonly seconds: number;
}
