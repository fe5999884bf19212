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

/**
 * Of a token x: z = x − b_dec when `applyDecoderBiasToInput`, else x; pre = z W_enc + b_enc; x̂ = f W_dec + b_dec [+ x W_skip].
 * Ties of a selection are broken towards the lower token, then the lower feature. u_j = ‖W_dec[j]‖.
 */
export type EngineArchitecture =
  /** The k largest pre-activations of a token by value, then relu. */
  | { readonly kind: 'topk'; readonly k: number; readonly rescaledByDecoderNorm: boolean }
  /** The k·B largest relu(pre) of the whole batch (2412.06410). A stored dictionary of this kind is a `jumprelu` one. */
  | { readonly kind: 'batchtopk'; readonly k: number; readonly rescaledByDecoderNorm: boolean }
  /** As batchtopk; ‖x − x̂‖² is summed over the reconstructions of the first `widths` features (2503.17547). */
  | { readonly kind: 'matryoshka'; readonly k: number; readonly rescaledByDecoderNorm: boolean }
  /** relu, with penalty λ Σ_j f_j u_j (`decoder_norm_weighted`, differentiated) or λ Σ_j f_j (`plain`). */
  | { readonly kind: 'relu'; readonly penalty: 'decoder_norm_weighted' | 'plain' }
  /** pre · 1[pre > θ_j], with straight-through gradients (2407.14435). */
  | {
      readonly kind: 'jumprelu';
      /** λ Σ_j 1[pre_j > θ_j], or λ Σ_j tanh(c f_j u_j) (Anthropic, January 2025). */
      readonly penalty: { readonly kind: 'step' } | { readonly kind: 'tanh'; readonly scale: number };
      /** ε of the rectangle kernel. */
      readonly bandwidth: number;
      /** The kernel's gradient reaches pre too, not only θ. */
      readonly straightThroughToInput: boolean;
    }
  /**
   * 1[π + b_gate > 0] · relu(exp(r) π + b_mag), π = z W_enc; penalty λ Σ_j relu(π_j + b_gate_j) (2404.16014); its auxiliary loss is
   * part of `backward`. `saelens`: the penalty is weighted by u_j and the auxiliary loss trains the decoder too.
   */
  | { readonly kind: 'gated'; readonly variant: 'paper' | 'saelens' };

export interface EngineShape {
  readonly dIn: number;
  /** Width of what is reconstructed: d_in, except for transcoders between spaces of different width. */
  readonly dOut: number;
  readonly dSae: number;
  readonly architecture: EngineArchitecture;
  readonly applyDecoderBiasToInput: boolean;
  /** Keep decoder rows at norm 1: gradients are projected before clipping, rows are renormalised after Adam. */
  readonly unitNormDecoder: boolean;
  /** A skip transcoder: x W_skip is added to the reconstruction (2501.18823). */
  readonly skip: boolean;
}

export interface DictionaryParameters {
  /** [d_sae, d_in] */
  readonly encoder: Float32Array;
  /** [d_sae] b_enc; of a gated dictionary b_gate. */
  readonly encoderBias: Float32Array;
  /** [d_sae, d_out] */
  readonly decoder: Float32Array;
  /** [d_out] */
  readonly decoderBias: Float32Array;
  /** [d_sae] θ of a jumprelu dictionary; below 0 it counts as 0, and a forward pass of training makes it so. */
  readonly threshold?: Float32Array;
  /** [d_sae] r of a gated dictionary. */
  readonly magnitudeScale?: Float32Array;
  /** [d_sae] b_mag of a gated dictionary. */
  readonly magnitudeBias?: Float32Array;
  /** [d_out, d_in] W_skip transposed. */
  readonly skip?: Float32Array;
}

export type ParameterName = keyof DictionaryParameters;

/** The arrays a shape has, and how long each is. */
export function parameterLengths({ dIn, dOut, dSae, architecture, skip }: EngineShape): [ParameterName, number][] {
  return [
    ['encoder', dSae * dIn],
    ['encoderBias', dSae],
    ['decoder', dSae * dOut],
    ['decoderBias', dOut],
    ...(architecture.kind === 'jumprelu' ? ([['threshold', dSae]] as [ParameterName, number][]) : []),
    ...(architecture.kind === 'gated'
      ? ([
          ['magnitudeScale', dSae],
          ['magnitudeBias', dSae],
        ] as [ParameterName, number][])
      : []),
    ...(skip ? ([['skip', dOut * dIn]] as [ParameterName, number][]) : []),
  ];
}

const MATRICES: readonly ParameterName[] = ['encoder', 'decoder', 'skip'];

/** Whether an array has rows; else it has one number for each feature or output. */
export function isMatrix(name: ParameterName): boolean {
  return MATRICES.includes(name);
}

/**
 * How Adam's moments of matrices are stored: bfloat16 takes half the memory, and is rounded so that it is right in expectation
 * (`kernels/moments.h`). Moments of vectors are float32.
 */
export type MomentStorage = 'float32' | 'bfloat16';

/** The arrays of a shape, each made by `make`. */
export function buildParameters(
  shape: EngineShape,
  make: (name: ParameterName, length: number) => Float32Array,
): DictionaryParameters {
  return Object.fromEntries(
    parameterLengths(shape).map(([name, length]) => [name, make(name, length)]),
  ) as unknown as DictionaryParameters;
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
  /**
   * `normalised`: divided by the variance of the residual, as OpenAI's code does; `plain`: as the paper's formula.
   * `saelens`: plain, without relu, times min(1, dead / k), and dead is who was so before this batch.
   */
  readonly form: 'normalised' | 'plain' | 'saelens';
}

/** What a forward pass is given beside the batch. */
export interface ForwardSettings {
  /** λ; 0 where the architecture has no penalty. */
  readonly sparsityCoefficient: number;
  /** [tokens, d_out] what is to be reconstructed; null: the batch itself. */
  readonly targets?: Float32Array | null;
  /** Matryoshka's prefixes, ascending; the last is d_sae. */
  readonly widths?: readonly number[];
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
  /** The smallest activation of a batchtopk or matryoshka batch, which the threshold follows; null elsewhere and where nothing fires. */
  readonly smallest: number | null;
}

export interface TokenWeights {
  /** [tokens] weight of ∇recon_i */
  readonly reconstruction: Float64Array;
  /** [tokens] weight of ∇sparsity_i */
  readonly sparsity: Float64Array;
}

export interface BackwardResult {
  /** AuxK's, or the gated dictionary's own. */
  readonly auxiliaryLoss: number;
  /** Global norm over all parameters before clipping; null when it was not needed and so not computed. */
  readonly gradientNorm: number | null;
  /** Latents silent for at least the auxiliary loss's window (0 without one). */
  readonly dead: number;
}

/** One dictionary in an engine's memory, for inference. Calls are queued: one runs at a time. */
export interface EngineDictionary extends AsyncDisposable {
  readonly shape: EngineShape;
  /** @param activations [tokens, d_in]; batchtopk and matryoshka choose among all of them @returns features of each token */
  encode(activations: Float32Array): Promise<SparseFeatures>;
  /** @returns f W_dec + b_dec [tokens, d_out], which of a skip transcoder is not all of x̂ */
  decode(features: SparseFeatures): Promise<Float32Array>;
}

/**
 * A step whose batch comes in pieces that are too many to hold at once. Each piece is a `forward` followed by `accumulate`, then
 * `apply` once; a step over one piece is `backward`. Weights and losses are of the whole batch, so an objective that needs all losses
 * first takes a pass of `forward` alone before it. Until `apply`, `backward` and `gradient` are refused and `restore` forgets the step.
 */
export interface Accumulation {
  /**
   * First pass, needed by AuxK: takes down from the latest `forward` which features fire and how the residuals vary, so that dead
   * features and the normalisation of all pieces are those of the whole batch.
   */
  survey(): Promise<void>;
  /**
   * Adds the gradient of the latest `forward` to the step's.
   * @param weights of the piece's tokens @param batchTokens tokens of all pieces
   * @throws UsageError for a kind that selects over the batch, where the settings have AuxK and not all tokens were surveyed, and
   *   where pieces are of different batches
   */
  accumulate(weights: TokenWeights, settings: StepSettings, batchTokens: number): Promise<void>;
  /** Projection, clipping, Adam, renormalisation with the sum. @throws UsageError where tokens of the batch are missing */
  apply(settings: StepSettings): Promise<BackwardResult>;
}

/**
 * A step whose loss has a part that only the caller knows: a function of x̂ with slope g, such as the divergence of a language model that
 * reads x̂. `backward` and `gradient` are of Σ_i w_i ℓ_i + Σ_i g_i·x̂_i. AuxK's target stays y − x̂.
 */
export interface OutputSlopes {
  /** x̂ − y of the latest `forward`, [tokens, d_out]: of all features, with the skip. */
  residuals(): Promise<Float32Array>;
  /** @param slopes g, [tokens, d_out] */
  backward(weights: TokenWeights, settings: StepSettings, slopes: Float32Array): Promise<BackwardResult>;
  /** Ends the forward pass, as `backward` does. */
  gradient(weights: TokenWeights, settings: StepSettings, slopes: Float32Array): Promise<DictionaryParameters>;
}

/**
 * Elements of a training state read and written in place, so that no copy of all of it is needed. Moments in bfloat16 come out exactly,
 * and what is written is rounded to the nearest.
 */
export interface StateAccess {
  /** Reads `into.length` elements from `first` on. Both are multiples of the row's width where the parameter is a matrix. */
  read(part: StatePart, name: ParameterName, first: number, into: Float32Array): Promise<void>;
  write(part: StatePart, name: ParameterName, first: number, from: Float32Array): Promise<void>;
  counts(): Promise<StateCounts>;
  /** After the last `write`. */
  finish(counts: StateCounts): Promise<void>;
}

export type StatePart = 'parameters' | 'firstMoment' | 'secondMoment';
export type StateCounts = Pick<TrainingState, 'steps' | 'tokensSinceFired'>;

/** One dictionary in training. `backward` belongs to the latest `forward`. */
export interface EngineTrainer extends EngineDictionary {
  /** @param batch [tokens, d_in] */
  forward(batch: Float32Array, settings: ForwardSettings): Promise<ForwardResult>;
  /** Gradient, projection, clipping, Adam, renormalisation, in that order. */
  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult>;
  /** Raw gradient of the latest `forward` before projection and clipping, no update: for tests and TracIn checks. */
  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters>;
  /** Only these features train, and no bias of the decoder nor a skip; null: everything. @param features [d_sae] 1 or 0 */
  trainOnly(features: Uint8Array | null): Promise<void>;
  state(): Promise<TrainingState>;
  restore(state: TrainingState): Promise<void>;
  /** Absent: float32. */
  readonly moments?: MomentStorage;
  /** Absent where the engine takes whole batches only. */
  readonly accumulation?: Accumulation;
  /** Absent where the engine knows no loss but its own. */
  readonly outputSlopes?: OutputSlopes;
  /** Absent where the engine only gives whole states. */
  readonly stateAccess?: StateAccess;
}

export interface Engine extends AsyncDisposable {
  readonly name: EngineName;
  /** What it runs on, in words: "AVX-512, 2 threads". */
  readonly device: string;
  dictionary(shape: EngineShape, parameters: DictionaryParameters): Promise<EngineDictionary>;
  /**
   * Starts with zero moments, or from a stored state.
   * @param moments float32 where it is not given @throws UsageError when the engine has no such storage
   */
  trainer(
    shape: EngineShape,
    start: DictionaryParameters | TrainingState,
    moments?: MomentStorage,
  ): Promise<EngineTrainer>;
}

/** `cpu` is the Node-API addon, `wasm` the same source as WebAssembly, `webgpu` WGSL on Dawn, `tensorflow` TensorFlow.js. */
export type EngineName = 'cpu' | 'wasm' | 'webgpu' | 'tensorflow';

export interface EngineAvailability {
  readonly name: EngineName;
  readonly available: boolean;
  readonly reason: string | null;
  readonly device: string | null;
}
