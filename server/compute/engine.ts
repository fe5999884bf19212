/**
 * An engine holds dictionaries in its own memory and runs their numerics: encode, decode, and one training step.
 *
 * A training step is two calls, so that the objective (ERM, TERM) stays outside the engine and is computed in float64:
 * `forward` gives every token's loss; the objective turns losses into weights w (ERM: 1/B; TERM: softmax(t·ℓ)); `backward`
 * applies the gradient Σ_i w_i ∇ℓ_i with Adam. Formulas: shared names with `docs/metrics.md` and the PyTorch goldens.
 *
 * Matrices are feature-major at this interface: row j of `encoder` is W_enc[:, j]. Files hold W_enc as [d_in, d_sae];
 * `server/sae` transposes.
 */

/** f = act(pre), pre = z W_enc + b_enc, z = x − b_dec when `applyDecoderBiasToInput`, else x; x̂ = f W_dec + b_dec. */
export type EngineArchitecture =
  /** The k largest pre-activations of a token by value, then relu. Ties are broken towards the lower feature index. */
  | { readonly kind: 'topk'; readonly k: number }
  /** relu, with penalty λ Σ_j f_j u_j, u_j = ‖W_dec[j]‖ (`decoder_norm_weighted`, differentiated) or u_j = 1 (`plain`). */
  | { readonly kind: 'relu'; readonly penalty: 'decoder_norm_weighted' | 'plain' };

export interface EngineShape {
  readonly dIn: number;
  readonly dSae: number;
  readonly architecture: EngineArchitecture;
  readonly applyDecoderBiasToInput: boolean;
  /** Keep decoder rows at norm 1: gradients are projected before clipping, rows are renormalised after Adam. */
  readonly unitNormDecoder: boolean;
}

export interface DictionaryParameters {
  /** [d_sae, d_in] */
  readonly encoder: Float32Array;
  /** [d_sae] */
  readonly encoderBias: Float32Array;
  /** [d_sae, d_in] */
  readonly decoder: Float32Array;
  /** [d_in] */
  readonly decoderBias: Float32Array;
}

/** Everything a bit-identical resume needs. Arrays are copies, owned by the caller. */
export interface TrainingState {
  readonly parameters: DictionaryParameters;
  readonly firstMoment: DictionaryParameters;
  readonly secondMoment: DictionaryParameters;
  /** Adam's step count. */
  readonly steps: number;
  /** [d_sae] tokens since the feature last fired. */
  readonly tokensSinceFired: Float64Array;
}

/** Feature activations of n tokens, compressed by rows; features ascend within a token and every value is non-zero. */
export interface SparseFeatures {
  /** [tokens + 1] */
  readonly offsets: Uint32Array;
  /** [offsets[tokens]] */
  readonly features: Uint32Array;
  /** [offsets[tokens]] */
  readonly values: Float32Array;
}

/** Auxiliary loss that revives dead latents (2406.04093, section 3.1 and appendix A.2); added untilted. */
export interface AuxiliaryLoss {
  readonly k: number;
  readonly coefficient: number;
  readonly deadAfterTokens: number;
  /** Divide by the variance of the residual, as OpenAI's code does. */
  readonly normalised: boolean;
}

export interface StepSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Global gradient-norm clip, or null for none. */
  readonly maxGradientNorm: number | null;
  readonly auxiliary: AuxiliaryLoss | null;
}

export interface ForwardResult {
  /** [tokens] ‖x_i − x̂_i‖² */
  readonly reconstruction: Float64Array;
  /** [tokens] the penalty with λ in it; zeros where the architecture has none. */
  readonly sparsity: Float64Array;
  /** Non-zero activations in the whole batch; L0 = active / tokens. */
  readonly active: number;
}

export interface TokenWeights {
  /** [tokens] weight of ∇recon_i */
  readonly reconstruction: Float64Array;
  /** [tokens] weight of ∇sparsity_i */
  readonly sparsity: Float64Array;
}

export interface BackwardResult {
  readonly auxiliaryLoss: number;
  /** Global norm over all parameters before clipping; null when it was not needed and so not computed. */
  readonly gradientNorm: number | null;
  /** Latents silent for at least the auxiliary loss's window (0 without one). */
  readonly dead: number;
}

/** One dictionary in an engine's memory, for inference. Calls are queued: one runs at a time. */
export interface EngineDictionary extends AsyncDisposable {
  readonly shape: EngineShape;
  /** @param activations [tokens, d_in] @returns features of each token */
  encode(activations: Float32Array): Promise<SparseFeatures>;
  /** @returns x̂ [tokens, d_in] */
  decode(features: SparseFeatures): Promise<Float32Array>;
}

/** One dictionary in training. `backward` belongs to the latest `forward`. */
export interface EngineTrainer extends EngineDictionary {
  /** @param batch [tokens, d_in]; @param sparsityCoefficient λ (0 where the architecture has no penalty). */
  forward(batch: Float32Array, sparsityCoefficient: number): Promise<ForwardResult>;
  /** Gradient, projection, clipping, Adam, renormalisation, in that order. */
  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult>;
  /** Raw gradient of the latest `forward` before projection and clipping, no update: for tests and TracIn checks. */
  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters>;
  state(): Promise<TrainingState>;
  restore(state: TrainingState): Promise<void>;
}

export interface Engine extends AsyncDisposable {
  readonly name: EngineName;
  /** What it runs on, in words: "AVX-512, 2 threads". */
  readonly device: string;
  dictionary(shape: EngineShape, parameters: DictionaryParameters): Promise<EngineDictionary>;
  /** Starts with zero moments, or from a stored state. */
  trainer(shape: EngineShape, start: DictionaryParameters | TrainingState): Promise<EngineTrainer>;
}

/** `cpu` is the Node-API addon, `wasm` the same source as WebAssembly SIMD. */
export type EngineName = 'cpu' | 'wasm';

export interface EngineAvailability {
  readonly name: EngineName;
  readonly available: boolean;
  readonly reason: string | null;
  readonly device: string | null;
}
