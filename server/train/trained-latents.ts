/** Finetuning in part: chosen features train, the others keep every bit. */
import {
  buildParameters,
  type DictionaryParameters,
  type Engine,
  type EngineShape,
  type ParameterName,
  type TrainingState,
} from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { TrainedLatents } from '../protocol/requests.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { randomFor } from './batches.ts';
import { resampleDead } from './resample.ts';
import { accessTo } from './state-access.ts';

/**
 * @returns [d_sae] 1 for features that train
 * @throws UsageError when no feature is meant, or one that there is not
 */
export function chosenLatents(latents: TrainedLatents | null, { name, shape, densities }: Dictionary): Uint8Array {
  if (latents === null)
    throw new UsageError(
      '--mode is "partial" without features; expected --train-latents dead, or a file of feature numbers',
    );
  const chosen = new Uint8Array(shape.dSae);
  if (latents.kind === 'chosen') {
    for (const feature of latents.features) {
      if (feature >= shape.dSae)
        throw new UsageError(
          `--train-latents has feature ${feature}, but dictionary "${name}" has ${shape.dSae}; expected 0 to ${shape.dSae - 1}`,
        );
      chosen[feature] = 1;
    }
    return chosen;
  }
  if (densities === null)
    throw new UsageError(
      `--train-latents is "dead", but nobody counted how often features of dictionary "${name}" fire; count first: ssae dictionary count ${name} --corpus CORPUS`,
    );
  for (let feature = 0; feature < shape.dSae; feature++) chosen[feature] = densities.shares[feature] === 0 ? 1 : 0;
  if (!chosen.includes(1))
    throw new UsageError(
      `--train-latents is "dead", but every feature of dictionary "${name}" fired in ${densities.tokens} tokens; expected a file of feature numbers, or --mode residual`,
    );
  return chosen;
}

/**
 * Where chosen features start that fire on nothing. Without firing they have no gradient, so each takes the direction of a row that is
 * reconstructed badly, as resampling does ({@link resampleDead}). AuxK gives the dead
 * features of a topk dictionary a gradient: they start as they are.
 * @param sample [rows, d_in], scaled as in training
 */
export async function revivedLatents(
  engine: Engine,
  { shape, parameters }: { readonly shape: EngineShape; readonly parameters: DictionaryParameters },
  chosen: Uint8Array,
  sample: Float32Array,
  seed: number,
): Promise<TrainingState> {
  const zeros = (): DictionaryParameters => buildParameters(shape, (_, length) => new Float32Array(length));
  const state: TrainingState = {
    parameters: buildParameters(shape, (name) => parameters[name]!.slice()),
    ...{ firstMoment: zeros(), secondMoment: zeros(), steps: 0, tokensSinceFired: Float64Array.from(chosen) },
  };
  await using dictionary = await engine.dictionary(shape, parameters);
  const reconstruction = await dictionary.decode(await dictionary.encode(sample));
  const losses = new Float64Array(sample.length / shape.dIn);
  sample.forEach((value, at) => (losses[Math.floor(at / shape.dIn)]! += (value - reconstruction[at]!) ** 2));
  const access = accessTo(state, () => Promise.resolve());
  await resampleDead(shape, access, 1, sample, losses, randomFor(seed, 'revive'));
  for (const name of ['magnitudeScale', 'magnitudeBias'] as const) {
    const values = state.parameters[name];
    if (values !== undefined) fillWithMean(values, chosen);
  }
  return { ...state, tokensSinceFired: new Float64Array(shape.dSae) };
}

function fillWithMean(values: Float32Array, chosen: Uint8Array): void {
  const others = values.filter((_, feature) => chosen[feature] === 0);
  const mean = others.length === 0 ? 0 : others.reduce((sum, value) => sum + value, 0) / others.length;
  chosen.forEach((one, feature) => {
    if (one === 1) values[feature] = mean;
  });
}

/** The trained dictionary with all that was not to train as it was: scaling to and fro would have moved last digits. */
export function keepOthers(
  from: DictionaryParameters,
  trained: DictionaryParameters,
  chosen: Uint8Array,
): DictionaryParameters {
  const keep = (name: ParameterName, values: Float32Array): Float32Array => {
    const before = from[name]!;
    if (name === 'decoderBias' || name === 'skip') return before;
    const width = values.length / chosen.length;
    return values.map((value, at) => (chosen[Math.floor(at / width)] === 1 ? value : before[at]!));
  };
  const entries = Object.entries(trained) as [ParameterName, Float32Array][];
  return Object.fromEntries(
    entries.map(([name, values]) => [name, keep(name, values)]),
  ) as unknown as DictionaryParameters;
}
