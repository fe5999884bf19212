/** Steps of paint; their colours are `--vscode-ssae-activation1` to 5, as in the editor. */
export const PAINTS = 5;

/**
 * Share of paint for an activation, 0 to 1: in proportion to the strongest one, or log(1 + 9 a / maximum) / log 10, which lets weak
 * ones be seen.
 */
export function paintShare(activation: number, maximum: number, scale: 'log' | 'linear'): number {
  if (!(activation > 0) || !(maximum > 0)) return 0;
  const share = Math.min(1, activation / maximum);
  return scale === 'linear' ? share : Math.log10(1 + 9 * share);
}

/** 0 for what does not fire, else 1 (faint) to {@link PAINTS}. */
export function paintOf(activation: number, maximum: number, scale: 'log' | 'linear'): number {
  return Math.ceil(paintShare(activation, maximum, scale) * PAINTS);
}
