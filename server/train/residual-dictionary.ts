/**
 * A second dictionary on the frozen first one's error (SAE Boost, arXiv 2507.12990): e = x − x̂_G is what its features reconstruct, and
 * its output is added, x̂ = x̂_G + f_R W_dec_R.
 *
 * It is stored as ONE dictionary [G; R] that any reader of SAELens folders runs. Where a feature fires by its own pre-activation
 * alone (relu, jumprelu, gated), f of the two side by side is f_G next to f_R. Two choices make the join exact to the bit:
 * - R has no decoder bias. x̂ = f_G W_dec_G + f_R W_dec_R + (b_dec_G + b_dec_R), and where inputs are shifted by b_dec, another bias
 *   would shift G's inputs too. With b_dec_R = 0, frozen, G's parameters are untouched, and wherever no new feature fires the
 *   reconstruction is the general dictionary's: nothing is forgotten.
 * - R reads the z that G reads, x − b_dec_G where G shifts its input, else x. So W_enc_R and b_enc_R stand beside G's as they are.
 * Of top-k, the k largest of all features are not the k largest of G and those of R: there is no such join.
 */
import type { DictionaryParameters, Engine, EngineDictionary, EngineShape, ParameterName } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { Architecture } from '../protocol/architectures.ts';
import { familyOf } from '../sae/architectures/families.ts';
import { anewLike, type Continuation } from '../sae/architectures/finetuned.ts';
import { foldHomogeneousScale, type ActivationScale } from '../sae/canonical.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { initialParameters } from './initialise.ts';

type Weights = Pick<Dictionary, 'shape' | 'parameters'>;

/**
 * The residual dictionary is trained as the general one was (one of batchtopk by its own k), and stored alike.
 * @param features of the residual dictionary
 * @param coefficient λ; null for the general one's
 * @throws UsageError for dictionaries that cannot be joined with another
 */
export function residualLike(general: Dictionary, features: number | null, coefficient: number | null): Continuation {
  const { name, shape } = general;
  const { architecture, skip, dIn, dOut } = shape;
  if (!['relu', 'jumprelu', 'gated'].includes(architecture.kind))
    throw new UsageError(
      `--mode is "residual", but the features of dictionary "${name}" (${architecture.kind}) compete for k places and cannot stand beside others; expected a relu, gated or jumprelu dictionary (batchtopk is stored as jumprelu), or --mode partial`,
    );
  if (skip || dOut !== dIn)
    throw new UsageError(
      `--mode is "residual", but dictionary "${name}" is a transcoder; expected a dictionary that reconstructs its input`,
    );
  if (features === null)
    throw new UsageError(
      '--mode is "residual" without a size; expected --residual-features, such as an eighth of the dictionary’s',
    );
  const { architecture: trained } = anewLike(general, coefficient);
  const family = familyOf(trained);
  family.check(trained, features);
  const own = family.shape(trained, { dIn, dOut, dSae: features });
  return { architecture: trained, shape: { ...own, applyDecoderBiasToInput: false } };
}

/** What a residual dictionary is given and what it is to reconstruct, both [tokens, d_in]. */
export interface ResidualProblem {
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
}

/** The general dictionary in an engine's memory, in the units of scaled activations; it never changes. */
export class FrozenDictionary implements AsyncDisposable {
  readonly #dictionary: EngineDictionary;
  readonly #shift: Float32Array | null;

  private constructor(dictionary: EngineDictionary, shift: Float32Array | null) {
    this.#dictionary = dictionary;
    this.#shift = shift;
  }

  /** @param scale factors of the activations that it will be given */
  static async load(
    engine: Engine,
    { shape, parameters }: Weights,
    { input, output }: ActivationScale,
  ): Promise<FrozenDictionary> {
    const scaled = foldHomogeneousScale(parameters, { input: 1 / input, output: 1 / output });
    const shift = shape.applyDecoderBiasToInput ? scaled.decoderBias : null;
    return new FrozenDictionary(await engine.dictionary(shape, scaled), shift);
  }

  /** @param batch [tokens, d_in], scaled */
  async problem(batch: Float32Array): Promise<ResidualProblem> {
    const reconstruction = await this.#dictionary.decode(await this.#dictionary.encode(batch));
    const targets = batch.map((value, at) => value - reconstruction[at]!);
    const shift = this.#shift;
    const inputs = shift === null ? batch : batch.map((value, at) => value - shift[at % shift.length]!);
    return { inputs, targets };
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#dictionary[Symbol.asyncDispose]();
  }
}

/** New weights as {@link initialParameters} has them, without a decoder bias. */
export async function initialResidual(
  engine: Engine,
  shape: EngineShape,
  architecture: Architecture,
  problem: ResidualProblem,
  seed: number,
): Promise<DictionaryParameters> {
  const initial = await initialParameters(engine, shape, architecture, problem, seed);
  return { ...initial, decoderBias: new Float32Array(initial.decoderBias.length) };
}

/** [G; R]: the general dictionary's features keep their numbers and every bit. @param residual in the units of raw activations */
export function joinResidual({ shape, parameters }: Weights, residual: DictionaryParameters): Weights {
  const join = (name: ParameterName, own: Float32Array): Float32Array => {
    if (name === 'decoderBias') return own;
    const joined = new Float32Array(own.length + residual[name]!.length);
    joined.set(own);
    joined.set(residual[name]!, own.length);
    return joined;
  };
  const entries = Object.entries(parameters) as [ParameterName, Float32Array][];
  return {
    shape: { ...shape, dSae: shape.dSae + residual.encoderBias.length },
    parameters: Object.fromEntries(
      entries.map(([name, own]) => [name, join(name, own)]),
    ) as unknown as DictionaryParameters,
  };
}
