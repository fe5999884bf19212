import type { MetricDefinition } from './metric.ts';

/** Sums over tokens from which every reconstruction metric follows. */
export const RECONSTRUCTION_SUMS = [
  'tokens',
  /** Σ count(f ≠ 0) */
  'active',
  /** Σ ‖x − x̂‖² */
  'squaredError',
  /** Σ ‖x − x̄‖², x̄ the mean over the whole set */
  'centredSquares',
  /** Σ cos(x, x̂) */
  'cosines',
  /** Σ ‖x̂‖/‖x‖ */
  'normRatios',
  /** Σ ‖x̂‖² */
  'reconstructedSquares',
  /** Σ x·x̂ */
  'products',
] as const;
export type ReconstructionSums = Record<(typeof RECONSTRUCTION_SUMS)[number], number>;

/** First and second moment of activations: what Σ‖x − m‖² about any m needs, in one pass. */
export class ActivationMoments {
  tokens = 0;
  squares = 0;
  /** [d_in] Σ x */
  readonly sum: Float64Array;

  constructor(dIn: number) {
    this.sum = new Float64Array(dIn);
  }

  /** @param activations [tokens, d_in] */
  add(activations: Float32Array): void {
    const dIn = this.sum.length;
    this.tokens += activations.length / dIn;
    for (let row = 0; row < activations.length; row += dIn)
      for (let i = 0; i < dIn; i++) {
        const value = activations[row + i]!;
        this.sum[i]! += value;
        this.squares += value * value;
      }
  }

  merge(other: ActivationMoments): void {
    this.tokens += other.tokens;
    this.squares += other.squares;
    for (let i = 0; i < this.sum.length; i++) this.sum[i]! += other.sum[i]!;
  }

  /** [d_in] */
  get mean(): Float64Array {
    return this.sum.map((value) => value / this.tokens);
  }

  /** Σ ‖x − centre‖² = Σ‖x‖² − 2 centre·Σx + n ‖centre‖² */
  squaresAbout(centre: Float64Array): number {
    let [product, norm] = [0, 0];
    for (let i = 0; i < centre.length; i++) {
      product += centre[i]! * this.sum[i]!;
      norm += centre[i]! * centre[i]!;
    }
    return this.squares - 2 * product + this.tokens * norm;
  }
}

/**
 * Sums of some tokens, without `centredSquares`, which needs the whole set's mean and is 0 here.
 * @param activations x [tokens, d_in]; @param reconstructions x̂ [tokens, d_in]; @param active non-zero features of these tokens
 */
export function reconstructionSums(
  activations: Float32Array,
  reconstructions: Float32Array,
  dIn: number,
  active: number,
): ReconstructionSums {
  const sums = {
    ...{ tokens: activations.length / dIn, active, squaredError: 0, centredSquares: 0 },
    ...{ cosines: 0, normRatios: 0, reconstructedSquares: 0, products: 0 },
  };
  for (let row = 0; row < activations.length; row += dIn) {
    let [original, reconstructed, product, error] = [0, 0, 0, 0];
    for (let i = row; i < row + dIn; i++) {
      const [x, y] = [activations[i]!, reconstructions[i]!];
      original += x * x;
      reconstructed += y * y;
      product += x * y;
      error += (x - y) ** 2;
    }
    const [norm, reconstructedNorm] = [Math.sqrt(original), Math.sqrt(reconstructed)];
    sums.squaredError += error;
    sums.reconstructedSquares += reconstructed;
    sums.products += product;
    // The zero vector has no direction and no ratio: a token without one counts as 0.
    if (norm > 0) sums.normRatios += reconstructedNorm / norm;
    if (norm > 0 && reconstructedNorm > 0) sums.cosines += product / (norm * reconstructedNorm);
  }
  return sums;
}

/** SAEBench (2503.09532) and SAELens use these names; explained variance is one of several formulas that go by it. */
export function reconstructionMetrics(dIn: number): readonly MetricDefinition<ReconstructionSums>[] {
  return [
    {
      name: 'l0',
      formula: 'mean over tokens of count(f ≠ 0), features',
      statistic: ({ active, tokens }) => active / tokens,
    },
    {
      name: 'explained_variance',
      formula: '1 − Σ‖x−x̂‖² / Σ‖x−x̄‖², x̄ the mean over all tokens of the set',
      statistic: ({ squaredError, centredSquares }) => 1 - squaredError / centredSquares,
    },
    {
      name: 'mse',
      formula: 'Σ‖x−x̂‖² / (tokens · d_in), squared activation units',
      statistic: ({ squaredError, tokens }) => squaredError / (tokens * dIn),
    },
    {
      name: 'cosine',
      formula: 'mean over tokens of cos(x, x̂)',
      statistic: ({ cosines, tokens }) => cosines / tokens,
    },
    {
      name: 'norm_ratio',
      formula: 'mean over tokens of ‖x̂‖/‖x‖',
      statistic: ({ normRatios, tokens }) => normRatios / tokens,
    },
    {
      name: 'relative_reconstruction_bias',
      formula: 'mean ‖x̂‖² / mean x·x̂; below 1 the reconstruction is shrunk',
      statistic: ({ reconstructedSquares, products }) => reconstructedSquares / products,
    },
  ];
}
