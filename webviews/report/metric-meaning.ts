import type { Direction } from '../../server/protocol/outcome.ts';

interface Meaning {
  readonly label: string;
  /** Which way is an improvement; null where it depends on what is wanted. */
  readonly better: Direction;
}

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['l0', { label: 'L0, active features per token', better: null }],
  ['explained_variance', { label: 'Explained variance', better: 'higher' }],
  ['mse', { label: 'Mean squared error', better: 'lower' }],
  ['cosine', { label: 'Cosine of x and x̂', better: 'higher' }],
  ['norm_ratio', { label: 'Norm ratio ‖x̂‖/‖x‖', better: null }],
  ['relative_reconstruction_bias', { label: 'Relative reconstruction bias', better: null }],
  ['ce_score', { label: 'Cross-entropy score', better: 'higher' }],
  ['kl_score', { label: 'KL score', better: 'higher' }],
  ['perplexity_original', { label: 'Perplexity, model unchanged', better: null }],
  ['perplexity_zero_ablated', { label: 'Perplexity, activations zero', better: null }],
  ['perplexity_spliced', { label: 'Perplexity, x̂ spliced in', better: 'lower' }],
  ['dead_share', { label: 'Share of features that never fire', better: 'lower' }],
  ['share_above_1_percent', { label: 'Share of features firing on > 1 % of tokens', better: null }],
  ['share_above_10_percent', { label: 'Share of features firing on > 10 % of tokens', better: null }],
  ['encoder_norm', { label: 'Encoder norm ‖W_enc‖, mean', better: null }],
  ['encoder_decoder_cosine', { label: 'Cosine of encoder and decoder, mean', better: null }],
  ['maximum_decoder_cosine', { label: 'Largest cosine to another decoder row, mean', better: null }],
  ['tail_coverage', { label: 'Tail coverage', better: 'higher' }],
]);

/** A metric this page has no words for keeps its name. */
export function meaningOf(name: string): Meaning {
  return MEANINGS.get(name) ?? { label: name.replaceAll('_', ' '), better: null };
}
