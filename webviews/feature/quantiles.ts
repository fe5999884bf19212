import type { ShownFeature } from '../../server/protocol/panels/feature.ts';

export type Passage = ShownFeature['passages'][number];

/** Passages whose strongest activation is in (from, to] of the feature's own strongest. */
export interface Quantile {
  readonly from: number;
  readonly to: number;
  readonly passages: readonly Passage[];
}

const BOUNDS = [0.75, 0.5, 0.25, 0];

/** Strongest first, in quarters of the feature's strongest activation; empty quarters are left out. */
export function byQuantile(passages: readonly Passage[]): Quantile[] {
  const strongestFirst = [...passages].sort((a, b) => b.share - a.share);
  return BOUNDS.map((from, place) => {
    const to = BOUNDS[place - 1] ?? 1;
    const inside = ({ share }: Passage): boolean => share > from && (place === 0 || share <= to);
    return { from, to, passages: strongestFirst.filter(inside) };
  }).filter((quantile) => quantile.passages.length > 0);
}
