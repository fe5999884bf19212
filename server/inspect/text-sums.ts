import type { SparseFeatures } from '../compute/engine.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { positionIn, textWindows } from './text-windows.ts';
import { hookPointOf, type InspectedDictionary } from './token-readings.ts';

const WINDOWS_PER_CALL = 8;

/** What each feature did over the ordinary tokens of texts: special ones (BOS) do not count. Memory is [d_sae]. */
export class FeatureSums {
  tokens = 0;
  /** [d_sae] sum of activations */
  readonly sum: Float64Array;
  /** [d_sae] strongest activation */
  readonly maximum: Float32Array;
  /** [d_sae] tokens on which it fired */
  readonly fires: Uint32Array;

  constructor(dSae: number) {
    this.sum = new Float64Array(dSae);
    this.maximum = new Float32Array(dSae);
    this.fires = new Uint32Array(dSae);
  }

  /** @param special [tokens] 1 where a row does not count */
  add({ offsets, features, values }: SparseFeatures, special: Uint8Array): void {
    for (let row = 0; row + 1 < offsets.length; row++) {
      if (special[row] === 1) continue;
      this.tokens++;
      for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
        const [feature, value] = [features[i]!, values[i]!];
        this.sum[feature]! += value;
        this.maximum[feature] = Math.max(this.maximum[feature]!, value);
        this.fires[feature]!++;
      }
    }
  }
}

/** Sums over a text of any length, read a few windows at a time. */
export async function sumsOfText(
  text: string,
  { model, dictionary, engine }: InspectedDictionary,
  control: JobControl,
): Promise<FeatureSums> {
  const { dIn, dSae } = dictionary.shape;
  const sums = new FeatureSums(dSae);
  const encoding = model.encode(text);
  const windows = textWindows(encoding, model.description.contextLength);
  for (let start = 0; start < windows.length; start += WINDOWS_PER_CALL) {
    throwIfStopped(control);
    const group = windows.slice(start, start + WINDOWS_PER_CALL);
    const sequences = group.map(({ ids }) => ids);
    const activations = await model.activations(hookPointOf(dictionary), sequences, control.signal);
    for (const [i, window] of group.entries()) {
      const { from, to } = window;
      const rows = activations[i]!.subarray(positionIn(window, from) * dIn, (positionIn(window, to - 1) + 1) * dIn);
      sums.add(await engine.encode(rows), encoding.special.subarray(from, to));
    }
    control.report({ stage: 'reading the text', done: group.at(-1)!.to, total: encoding.ids.length, unit: 'tokens' });
  }
  return sums;
}
