import type { EngineDictionary, SparseFeatures } from '../compute/engine.ts';
import type { Encoding } from '../foundation/encoding.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { hookPointOf } from './token-readings.ts';
import { positionIn, textWindows } from './text-windows.ts';

/** Features of the tokens of several texts; row `starts[i] + t` is token t of text i. */
export interface TextFeatures {
  readonly starts: readonly number[];
  readonly features: SparseFeatures;
}

/** Features of every token of some texts, from one run of the model's head and one of the dictionary. */
export async function featuresOfTexts(
  encodings: readonly Encoding[],
  inspected: { readonly model: LanguageModel; readonly dictionary: Dictionary; readonly engine: EngineDictionary },
  signal: AbortSignal,
): Promise<TextFeatures> {
  const { model, dictionary, engine } = inspected;
  const { dIn } = dictionary.shape;
  const starts: number[] = [];
  let total = 0;
  const windows = encodings.flatMap((encoding) => {
    starts.push(total);
    const start = total;
    total += encoding.ids.length;
    return textWindows(encoding, model.description.contextLength).map((window) => ({ window, start }));
  });
  const activations = await model.activations(
    hookPointOf(dictionary),
    windows.map(({ window }) => window.ids),
    signal,
  );
  const rows = new Float32Array(total * dIn);
  for (const [i, { window, start }] of windows.entries()) {
    const own = activations[i]!.subarray(
      positionIn(window, window.from) * dIn,
      (positionIn(window, window.to - 1) + 1) * dIn,
    );
    rows.set(own, (start + window.from) * dIn);
  }
  return { starts, features: await engine.encode(rows) };
}
