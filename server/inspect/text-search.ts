/** Which features a text is about: those that fire on it more than in general, or than on another text. */
import type { JobControl } from '../foundation/progress.ts';
import type { TextFeature, TextFeaturesRequest, TextFeaturesResult } from '../protocol/token-readings.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { type FeatureSums, sumsOfText } from './text-sums.ts';
import type { InspectedDictionary } from './token-readings.ts';

/** Tokens that a density is taken to be counted over where nobody noted their number. */
const UNNOTED_TOKENS = 1_000_000;
/** Tokens of the reference that a feature is taken to have fired on where it fired on none. */
const UNSEEN = 0.5;

/** How often a feature is expected to fire, and how that is said. */
interface Reference {
  readonly formula: string;
  /** Share of tokens, above 0. */
  share(feature: number): number;
}

/** The logarithm of share / reference is what keeps out features that fire everywhere: there it is 0 however strong they are. */
function referenceOf(densities: Dictionary['densities'], text: FeatureSums, against: FeatureSums | null): Reference {
  const { shares, tokens } = densities ?? { shares: null, tokens: 0 };
  const counted = tokens === 0 ? UNNOTED_TOKENS : tokens;
  const inGeneral = (feature: number): number => Math.max(shares?.[feature] ?? 0, UNSEEN / counted);
  const inOther = (feature: number): number => {
    const other = Math.max(1, against?.tokens ?? 0);
    return Math.max(against?.fires[feature] ?? 0, UNSEEN) / other;
  };
  if (against !== null && shares !== null)
    return {
      formula: '(mean − mean_against) · ln(share / max(share_against, density))',
      share: (feature) => Math.max(inOther(feature), inGeneral(feature)),
    };
  if (against !== null) return { formula: '(mean − mean_against) · ln(share / share_against)', share: inOther };
  if (shares !== null) return { formula: 'mean · ln(share / density)', share: inGeneral };
  return {
    formula: 'mean · ln((tokens + 1) / tokens it fires on): nobody counted densities',
    share: (feature) => text.fires[feature]! ** 2 / (text.tokens * (text.tokens + 1)),
  };
}

/**
 * The features of a text, highest score first; those whose score is not above 0 are left out. `mean` is over the text's ordinary tokens,
 * `share` the share of them that the feature fires on; special tokens (BOS) never count.
 */
export async function featuresOfText(
  { text, against, limit }: TextFeaturesRequest,
  inspected: InspectedDictionary,
  control: JobControl,
): Promise<TextFeaturesResult> {
  const { name, labels, densities } = inspected.dictionary;
  const sums = await sumsOfText(text, inspected, control);
  const other = against === null ? null : await sumsOfText(against, inspected, control);
  const reference = referenceOf(densities, sums, other);
  const features: TextFeature[] = [];
  for (const [feature, fires] of sums.fires.entries()) {
    const [mean, share] = [sums.sum[feature]! / sums.tokens, fires / sums.tokens];
    const meanAgainst = other === null ? null : other.sum[feature]! / Math.max(1, other.tokens);
    const [more, lift] = [mean - (meanAgainst ?? 0), share / reference.share(feature)];
    if (!(more > 0 && lift > 1)) continue;
    features.push({
      ...{ feature, label: labels.get(feature) ?? null, density: densities?.shares[feature] ?? null },
      ...{ mean, maximum: sums.maximum[feature]!, share, meanAgainst, score: more * Math.log(lift) },
    });
  }
  return {
    ...{ dictionary: name, tokens: sums.tokens, tokensAgainst: other?.tokens ?? null, formula: reference.formula },
    features: features.sort((a, b) => b.score - a.score || a.feature - b.feature).slice(0, limit),
  };
}
