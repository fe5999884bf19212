import type { SparseFeatures } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { InspectedFeature, InspectedToken, InspectResult } from '../protocol/results.ts';
import { hookPointOf, tokenReadings, type InspectedDictionary } from './token-readings.ts';

export interface InspectionChoice {
  /** Only these features; empty for all. */
  readonly features: readonly number[];
  /** The strongest of each token. */
  readonly top: number;
}

/**
 * Which features fire on which token. Tokens cover the text in order, special ones (BOS) included with start == end; a text longer than
 * the context is read in overlapping windows.
 * @throws UsageError when a feature does not exist, or the dictionary names no hook point
 */
export async function inspectText(
  text: string,
  inspected: InspectedDictionary,
  { features: chosen, top }: InspectionChoice,
  control: JobControl,
): Promise<InspectResult> {
  const started = performance.now();
  const { model, dictionary } = inspected;
  for (const feature of chosen) checkFeature(feature, dictionary.shape.dSae, dictionary.name);
  const wanted = chosen.length === 0 ? null : new Set(chosen);
  const encoding = model.encode(text);
  const tokens: InspectedToken[] = [];
  for await (const { from, to, features, reconstructionErrors, losses } of tokenReadings(encoding, inspected, control))
    for (let i = 0; i < to - from; i++) {
      const [start, end] = [encoding.starts[from + i]!, encoding.ends[from + i]!];
      tokens.push({
        ...{ index: from + i, text: text.slice(start, end), start, end },
        loss: Number.isNaN(losses[i]) ? null : losses[i]!,
        reconstructionError: reconstructionErrors[i]!,
        features: strongest(features, i, wanted, top, dictionary.labels),
      });
    }
  return {
    model: model.description.name,
    hookPoint: hookPointOf(dictionary),
    dictionary: dictionary.name,
    text_sha256: sha256(text),
    tokens,
    seconds: (performance.now() - started) / 1000,
  };
}

export function checkFeature(feature: number, dSae: number, dictionary: string): void {
  if (feature >= dSae)
    throw new UsageError(`feature is ${feature}, but dictionary ${dictionary} has features 0 to ${dSae - 1}`);
}

/** Falling by activation; equal activations by rising feature. */
function strongest(
  { offsets, features, values }: SparseFeatures,
  token: number,
  wanted: ReadonlySet<number> | null,
  top: number,
  labels: ReadonlyMap<number, string>,
): InspectedFeature[] {
  const firing: InspectedFeature[] = [];
  for (let i = offsets[token]!; i < offsets[token + 1]!; i++) {
    const feature = features[i]!;
    if (wanted === null || wanted.has(feature))
      firing.push({ feature, activation: values[i]!, label: labels.get(feature) ?? null });
  }
  return firing.sort((a, b) => b.activation - a.activation || a.feature - b.feature).slice(0, top);
}
