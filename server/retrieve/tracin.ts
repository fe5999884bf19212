import type { DictionaryParameters, EngineShape, SparseFeatures } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';

/** A dictionary's numbers: shape and parameters, as `server/sae` loads them. */
export interface GradientDictionary {
  readonly shape: EngineShape;
  readonly parameters: DictionaryParameters;
}

export interface TracInSettings {
  /** λ of the loss; 0 for reconstruction alone. Ignored where the architecture has no penalty. */
  readonly sparsityCoefficient: number;
  /** Weighs every token's gradient equally, whatever its norm: scores are then means of cosines, the same scale for all models. */
  readonly unitTokens: boolean;
  /** Which parameters the gradient is taken of. `decoder` is W_dec alone: 2 instead of 5 k·d multiplications a token. */
  readonly parameters: 'all' | 'decoder';
}

/**
 * The gradient of one token's loss ℓ = ‖x − x̂‖² + λ Σ_j f_j u_j, in factors. With r = x̂ − x, ŵ_j = W_dec[j]/u_j:
 * ∇W_dec[j] = f_j (2r + λ ŵ_j), ∇W_enc[:, j] = δ_j z, ∇b_enc[j] = δ_j, ∇b_dec = 2r − W_enc δ, δ_j = 2 r·W_dec[j] + λ u_j.
 */
interface TokenGradient {
  /** Range of the token's entries in the sparse features. */
  first: number;
  last: number;
  /** [d_in] 2r */
  readonly twiceResidual: Float64Array;
  /** [d_in] */
  readonly input: Float64Array;
  /** [active features of the token] */
  delta: Float64Array;
  /** [d_in] */
  readonly decoderBias: Float64Array;
}

function dot(a: Float64Array, b: Float64Array | Float32Array, start = 0): number {
  let sum = 0;
  for (let column = 0; column < a.length; column++) sum += a[column]! * b[start + column]!;
  return sum;
}

function addScaled(
  target: Float64Array,
  start: number,
  source: Float64Array | Float32Array,
  from: number,
  length: number,
  scale: number,
): void {
  for (let column = 0; column < length; column++) target[start + column]! += scale * source[from + column]!;
}

/**
 * Where a feature of a jumprelu dictionary is active its gradient is topk's; thresholds are no parameters of this gradient.
 * @throws UsageError for architectures whose gradient is another one
 */
function refuseUnknownGradient({ architecture, dIn, dOut, skip }: EngineShape): void {
  const { kind } = architecture;
  const rescaled = 'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;
  if (dIn !== dOut || skip)
    throw new UsageError('TracIn is not there for transcoders; expected a dictionary that reconstructs its input');
  if (rescaled || !['relu', 'topk', 'jumprelu'].includes(kind))
    throw new UsageError(
      `TracIn is not there for a ${kind} dictionary${rescaled ? ' that is rescaled by decoder norms' : ''}; expected relu, topk, or jumprelu (as batchtopk and matryoshka are stored)`,
    );
}

/** Sums of seed gradients, one row for each feature that was active on a seed. */
class GradientRows {
  readonly #width: number;
  readonly #rowOf = new Map<number, number>();
  #values = new Float64Array(0);

  constructor(width: number) {
    this.#width = width;
  }

  get values(): Float64Array {
    return this.#values;
  }

  /** Start of the feature's row in `values`, or −1. */
  find(feature: number): number {
    const row = this.#rowOf.get(feature);
    return row === undefined ? -1 : row * this.#width;
  }

  findOrAdd(feature: number): number {
    const known = this.find(feature);
    if (known >= 0) return known;
    const start = this.#rowOf.size * this.#width;
    this.#rowOf.set(feature, this.#rowOf.size);
    if (start + this.#width > this.#values.length) {
      const grown = new Float64Array(Math.max(2 * this.#values.length, 64 * this.#width));
      grown.set(this.#values);
      this.#values = grown;
    }
    return start;
  }
}

/**
 * TracIn (2002.08484) for a dictionary: the dot product of a passage's loss gradient with the seeds'. The gradients are
 * rank-one per token, so their sum over the seeds (G = Σ f rᵀ for W_dec) is kept on the features the seeds activate, and a
 * candidate costs O(k · d_in) a token; no gradient of a candidate is ever formed.
 */
export class SeedGradient {
  readonly #dictionary: GradientDictionary;
  readonly #settings: TracInSettings;
  readonly #lambda: number;
  /** Norms of decoder rows where the penalty is weighted by them. */
  readonly #decoderNorms: Float64Array | null;
  readonly #token: TokenGradient;
  readonly #decoder: GradientRows;
  /** [Σ δ z (d_in), Σ δ] */
  readonly #encoder: GradientRows;
  readonly #decoderBias: Float64Array;

  constructor(dictionary: GradientDictionary, settings: TracInSettings) {
    const { dIn, dSae, architecture } = dictionary.shape;
    refuseUnknownGradient(dictionary.shape);
    this.#dictionary = dictionary;
    this.#settings = settings;
    this.#lambda = architecture.kind === 'relu' ? settings.sparsityCoefficient : 0;
    this.#decoderNorms =
      this.#lambda !== 0 && architecture.kind === 'relu' && architecture.penalty === 'decoder_norm_weighted'
        ? decoderNorms(dictionary.parameters.decoder, dSae, dIn)
        : null;
    this.#token = {
      ...{ first: 0, last: 0, delta: new Float64Array(64) },
      ...{ twiceResidual: new Float64Array(dIn), input: new Float64Array(dIn), decoderBias: new Float64Array(dIn) },
    };
    this.#decoder = new GradientRows(dIn);
    this.#encoder = new GradientRows(dIn + 1);
    this.#decoderBias = new Float64Array(dIn);
  }

  /**
   * Adds a seed's tokens. @param activations [tokens, d_in]; @param features of the same tokens
   * @param weight of each of its tokens: 1 / tokens lets every seed count the same, however long
   */
  add(activations: Float32Array, features: SparseFeatures, weight: number): void {
    for (let token = 0; token + 1 < features.offsets.length; token++) {
      this.#differentiate(activations, features, token);
      const norm = this.#settings.unitTokens ? this.#norm(features) : 1;
      if (norm > 0) this.#accumulate(features, weight / norm);
    }
  }

  /** @param activations [tokens, d_in] @returns [tokens] the dot product of each token's gradient (or its direction) with the seeds' sum */
  score(activations: Float32Array, features: SparseFeatures): Float64Array {
    return Float64Array.from({ length: features.offsets.length - 1 }, (_, token) => {
      this.#differentiate(activations, features, token);
      const norm = this.#settings.unitTokens ? this.#norm(features) : 1;
      return norm > 0 ? this.#product(features) / norm : 0;
    });
  }

  #differentiate(activations: Float32Array, { offsets, features, values }: SparseFeatures, token: number): void {
    const { shape, parameters } = this.#dictionary;
    const { dIn } = shape;
    const { twiceResidual, input, decoderBias } = this.#token;
    const [first, last] = [offsets[token]!, offsets[token + 1]!];
    this.#token.first = first;
    this.#token.last = last;
    for (let column = 0; column < dIn; column++) {
      const x = activations[token * dIn + column]!;
      const bias = parameters.decoderBias[column]!;
      twiceResidual[column] = bias - x;
      input[column] = shape.applyDecoderBiasToInput ? x - bias : x;
    }
    for (let i = first; i < last; i++)
      addScaled(twiceResidual, 0, parameters.decoder, features[i]! * dIn, dIn, values[i]!);
    for (let column = 0; column < dIn; column++) twiceResidual[column]! *= 2;
    if (this.#settings.parameters === 'decoder') return;
    decoderBias.set(twiceResidual);
    if (this.#token.delta.length < last - first) this.#token.delta = new Float64Array(2 * (last - first));
    for (let i = first; i < last; i++) {
      const feature = features[i]!;
      const delta =
        dot(twiceResidual, parameters.decoder, feature * dIn) + this.#lambda * (this.#decoderNorms?.[feature] ?? 1);
      this.#token.delta[i - first] = delta;
      if (shape.applyDecoderBiasToInput) addScaled(decoderBias, 0, parameters.encoder, feature * dIn, dIn, -delta);
    }
  }

  #accumulate({ features, values }: SparseFeatures, weight: number): void {
    const { dIn } = this.#dictionary.shape;
    const { first, last, twiceResidual, input, delta, decoderBias } = this.#token;
    for (let i = first; i < last; i++) {
      const row = this.#decoder.findOrAdd(features[i]!);
      addScaled(this.#decoder.values, row, twiceResidual, 0, dIn, weight * values[i]!);
      const penalty = this.#penaltyScale(features[i]!);
      if (penalty !== 0)
        addScaled(
          this.#decoder.values,
          row,
          this.#dictionary.parameters.decoder,
          features[i]! * dIn,
          dIn,
          weight * values[i]! * penalty,
        );
      if (this.#settings.parameters === 'decoder') continue;
      const encoderRow = this.#encoder.findOrAdd(features[i]!);
      addScaled(this.#encoder.values, encoderRow, input, 0, dIn, weight * delta[i - first]!);
      this.#encoder.values[encoderRow + dIn]! += weight * delta[i - first]!;
    }
    if (this.#settings.parameters === 'all') addScaled(this.#decoderBias, 0, decoderBias, 0, dIn, weight);
  }

  #product({ features, values }: SparseFeatures): number {
    const { dIn } = this.#dictionary.shape;
    const { first, last, twiceResidual, input, delta, decoderBias } = this.#token;
    let product = this.#settings.parameters === 'all' ? dot(decoderBias, this.#decoderBias) : 0;
    for (let i = first; i < last; i++) {
      const row = this.#decoder.find(features[i]!);
      if (row < 0) continue;
      product += values[i]! * dot(twiceResidual, this.#decoder.values, row);
      const penalty = this.#penaltyScale(features[i]!);
      if (penalty !== 0) product += values[i]! * penalty * this.#alongDecoder(features[i]!, this.#decoder.values, row);
      if (this.#settings.parameters === 'decoder') continue;
      const encoderRow = this.#encoder.find(features[i]!);
      product +=
        delta[i - first]! * (dot(input, this.#encoder.values, encoderRow) + this.#encoder.values[encoderRow + dIn]!);
    }
    return product;
  }

  /** ‖gradient‖ of the token at hand. */
  #norm({ features, values }: SparseFeatures): number {
    const { first, last, twiceResidual, input, delta, decoderBias } = this.#token;
    const residualSquares = dot(twiceResidual, twiceResidual);
    let squares = 0;
    let deltaSquares = 0;
    for (let i = first; i < last; i++) {
      const penalty = this.#penaltyScale(features[i]!);
      const cross =
        penalty === 0 ? 0 : 2 * penalty * this.#alongDecoder(features[i]!, twiceResidual, 0) + this.#lambda ** 2;
      squares += values[i]! ** 2 * (residualSquares + cross);
      if (this.#settings.parameters === 'all') deltaSquares += delta[i - first]! ** 2;
    }
    if (this.#settings.parameters === 'all')
      squares += deltaSquares * (dot(input, input) + 1) + dot(decoderBias, decoderBias);
    return Math.sqrt(squares);
  }

  /** λ/u_j: what W_dec[j] is multiplied with to give λ ŵ_j. */
  #penaltyScale(feature: number): number {
    return this.#decoderNorms === null ? 0 : this.#lambda / this.#decoderNorms[feature]!;
  }

  #alongDecoder(feature: number, vector: Float64Array, start: number): number {
    const { dIn } = this.#dictionary.shape;
    const { decoder } = this.#dictionary.parameters;
    let sum = 0;
    for (let column = 0; column < dIn; column++) sum += decoder[feature * dIn + column]! * vector[start + column]!;
    return sum;
  }
}

function decoderNorms(decoder: Float32Array, dSae: number, dIn: number): Float64Array {
  return Float64Array.from({ length: dSae }, (_, feature) =>
    Math.hypot(...decoder.subarray(feature * dIn, (feature + 1) * dIn)),
  );
}
