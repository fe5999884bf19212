import type { TextFeature } from '../../server/protocol/token-readings.ts';

/** A rare feature of a record's text. */
export type RareFeature = Pick<TextFeature, 'feature' | 'label' | 'maximum'>;

const MOST = 3;

/** The rare features of a text, strongest first; where nobody counted densities every feature may be one. */
export function rareFeatures(
  features: readonly TextFeature[],
  maximumDensity: number,
  hidden: readonly number[],
): RareFeature[] {
  const left = new Set(hidden);
  return features
    .filter(({ feature, density }) => !left.has(feature) && (density === null || density <= maximumDensity))
    .sort((a, b) => b.maximum - a.maximum || a.feature - b.feature)
    .slice(0, MOST)
    .map(({ feature, label, maximum }) => ({ feature, label, maximum }));
}

const LABEL_CHARACTERS = 40;

/** "#123 gravitational 4.23": its number, its label where it has one, its strongest activation on the text. */
export function rareFeatureTitle({ feature, label, maximum }: RareFeature): string {
  const words = label === null ? '' : ` ${shortLabel(label)}`;
  return `#${feature}${words} ${Number(maximum.toPrecision(3))}`;
}

/** A label is anybody's text: no icon is drawn for it, and the row stays a row. */
function shortLabel(label: string): string {
  const plain = label.replaceAll('$(', '$\u200b(').replaceAll(/\s+/g, ' ').trim();
  const characters = Array.from(plain);
  return characters.length <= LABEL_CHARACTERS ? plain : `${characters.slice(0, LABEL_CHARACTERS - 1).join('')}…`;
}
