/** Finetuning in part: chosen features train, the others keep every bit. */
import type { DictionaryParameters, ParameterName } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { TrainedLatents } from '../protocol/requests.ts';
import type { Dictionary } from '../sae/dictionary.ts';

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
