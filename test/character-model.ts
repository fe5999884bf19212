import type { DictionaryParameters, EngineDictionary, EngineShape, SparseFeatures } from '../server/compute/engine.ts';
import type { Encoding } from '../server/foundation/encoding.ts';
import type { LanguageModel, ModelDescription, SplicedLosses, TokenSequence } from '../server/model/language-model.ts';
import type { Dictionary } from '../server/sae/dictionary.ts';

/** A language model over the letters `a` to `c` small enough to check by hand: token 0 is BOS, the logits are the activation itself. */
export class CharacterModel implements LanguageModel {
  readonly contentHash = 'characters';
  readonly description: ModelDescription;
  /** Every patch it was given. */
  readonly patches: Float32Array[] = [];

  constructor(contextLength: number) {
    this.description = {
      ...{ name: 'characters', contentHash: 'characters', architecture: 'test', layers: 1, dModel: 4, vocabulary: 4 },
      ...{ contextLength, hookPoints: [], files: [], licence: null, source: 'test' },
    };
  }

  encode(text: string): Encoding {
    const letters = Array.from({ length: text.length }, (_, i) => i);
    return {
      ids: Int32Array.from([0, ...letters.map((i) => 1 + 'abc'.indexOf(text.charAt(i)))]),
      starts: Uint32Array.from([0, ...letters]),
      ends: Uint32Array.from([0, ...letters.map((i) => i + 1)]),
      special: Uint8Array.from([1, ...letters.map(() => 0)]),
    };
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => '^abc'.charAt(id)).join('');
  }

  /** Row of a token: its id at its own place; BOS has 100 everywhere, an attention sink. */
  activations(_hookPoint: string, sequences: readonly TokenSequence[]): Promise<Float32Array[]> {
    return Promise.resolve(
      sequences.map((ids) =>
        Float32Array.from(
          [...ids].flatMap((id) => [0, 1, 2, 3].map((place) => (id === 0 ? 100 : id === place ? id : 0))),
        ),
      ),
    );
  }

  async logits(
    sequences: readonly TokenSequence[],
    patch?: { readonly hookPoint: string; readonly activations: readonly Float32Array[] },
  ): Promise<Float32Array[]> {
    return patch === undefined ? this.activations('', sequences) : [...patch.activations];
  }

  async losses(sequences: readonly TokenSequence[]): Promise<Float32Array[]> {
    const all = await this.logits(sequences);
    return sequences.map((ids, i) => crossEntropies(ids, all[i]!));
  }

  async activationsAndLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
  ): Promise<{ activations: Float32Array[]; losses: Float32Array[] }> {
    return { activations: await this.activations(hookPoint, sequences), losses: await this.losses(sequences) };
  }

  async splicedLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    replacement: readonly Float32Array[],
  ): Promise<SplicedLosses[]> {
    this.patches.push(...replacement);
    const original = await this.activations(hookPoint, sequences);
    return sequences.map((ids, i) => ({
      crossEntropy: crossEntropies(ids, replacement[i]!),
      divergence: Float32Array.from({ length: ids.length - 1 }, (_, position) => {
        const [before, after] = [logSoftmax(original[i]!, position), logSoftmax(replacement[i]!, position)];
        return before.reduce((sum, log, j) => sum + Math.exp(log) * (log - after[j]!), 0);
      }),
    }));
  }

  divergenceGradients(): Promise<never> {
    return Promise.reject(new Error('the letters have no gradient'));
  }

  unembed(directions: Float32Array): Promise<Float32Array> {
    return Promise.resolve(directions);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function logSoftmax(logits: Float32Array, position: number): number[] {
  const row = [...logits.subarray(position * 4, position * 4 + 4)];
  const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  return row.map((value) => value - logSum);
}

function crossEntropies(ids: TokenSequence, logits: Float32Array): Float32Array {
  return Float32Array.from({ length: ids.length - 1 }, (_, i) => -logSoftmax(logits, i)[ids[i + 1]!]!);
}

/** Feature j is activation j, times `scale` on the way back: nothing to train, everything to check. */
export function identityDictionary(
  name: string,
  scale: number,
): { readonly dictionary: Dictionary; readonly engine: EngineDictionary } {
  const identity = (value: number): Float32Array =>
    Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? value : 0));
  const shape: EngineShape = {
    ...{ dIn: 4, dOut: 4, dSae: 4, applyDecoderBiasToInput: false, unitNormDecoder: false, skip: false },
    architecture: { kind: 'relu', penalty: 'plain' },
  };
  const parameters: DictionaryParameters = {
    ...{ encoder: identity(1), decoder: identity(scale) },
    ...{ encoderBias: new Float32Array(4), decoderBias: new Float32Array(4) },
  };
  const origin = {
    model: 'characters',
    modelHash: 'characters',
    hookPoint: 'blocks.0.hook_resid_post',
    contextLength: 8,
  };
  const engine: EngineDictionary = {
    shape,
    encode: (activations) => Promise.resolve(compressed(activations)),
    decode: ({ offsets, features, values }) => {
      const rows = new Float32Array((offsets.length - 1) * 4);
      for (let token = 0; token + 1 < offsets.length; token++)
        for (let i = offsets[token]!; i < offsets[token + 1]!; i++) rows[token * 4 + features[i]!] = scale * values[i]!;
      return Promise.resolve(rows);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    dictionary: { name, contentHash: name, shape, parameters, origin, labels: new Map([[2, 'b']]), densities: null },
    engine,
  };
}

function compressed(activations: Float32Array): SparseFeatures {
  const [offsets, features, values]: number[][] = [[0], [], []];
  activations.forEach((value, i) => {
    if (value > 0) {
      features!.push(i % 4);
      values!.push(value);
    }
    if (i % 4 === 3) offsets!.push(features!.length);
  });
  return {
    offsets: Uint32Array.from(offsets!),
    features: Uint32Array.from(features!),
    values: Float32Array.from(values!),
  };
}
