import type { InspectedToken } from '../../server/protocol/results.ts';

/** Steps of paint. As many colours are contributed as `ssae.activation1` … `ssae.activation5`. */
export const INTENSITIES = 5;

/** A token to paint. Offsets are UTF-16, into the inspected text. */
export interface PaintedToken {
  readonly start: number;
  readonly end: number;
  /** 1 (faint) to INTENSITIES (strong). */
  readonly intensity: number;
  readonly token: InspectedToken;
}

/** Activation of a token's strongest feature; 0 where none fires. */
export function strongestActivation(token: InspectedToken): number {
  return token.features.reduce((strongest, { activation }) => Math.max(strongest, activation), 0);
}

/**
 * Tokens worth painting, in steps of the square root of their strongest activation against the text's maximum: activations
 * are heavy-tailed, and on a linear scale all but one token would be faint. Tokens without text or activation are left out.
 */
export function paintTokens(tokens: readonly InspectedToken[]): readonly PaintedToken[] {
  const maximum = tokens.reduce((most, token) => Math.max(most, strongestActivation(token)), 0);
  if (!(maximum > 0)) return [];
  return tokens
    .map((token) => {
      const share = Math.sqrt(strongestActivation(token) / maximum);
      return { start: token.start, end: token.end, intensity: Math.ceil(share * INTENSITIES), token };
    })
    .filter(({ start, end, intensity }) => end > start && intensity > 0);
}
