/** How activations become intensities from 0 (not painted) to 1 (the strongest). */
export interface IntensityScale {
  /** The activation that is painted strongest: the feature's maximum over a corpus, or over the text. */
  readonly maximum: number;
  /** `log` shows weak activations too: log(1 + 9 a / maximum) / log 10. */
  readonly kind: 'linear' | 'log';
}

/** @returns 0 for an activation of 0 or below, 1 for the scale's maximum and above */
export function intensity(activation: number, { maximum, kind }: IntensityScale): number {
  if (activation <= 0 || maximum <= 0) return 0;
  const share = Math.min(1, activation / maximum);
  switch (kind) {
    case 'linear':
      return share;
    case 'log':
      return Math.log10(1 + 9 * share);
  }
}

/** 0 is for no activation; 1 to `buckets` are even steps: every activation is seen, however weak. */
export function intensityBucket(value: number, buckets: number): number {
  return value <= 0 ? 0 : Math.min(buckets, Math.ceil(value * buckets));
}
