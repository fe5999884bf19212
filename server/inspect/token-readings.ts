import type { EngineDictionary, SparseFeatures } from '../compute/engine.ts';
import type { Encoding } from '../foundation/encoding.ts';
import { UsageError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { positionIn, textWindows, type TextWindow } from './text-windows.ts';

/** A dictionary, the engine that runs it, and the model whose activations it reads. */
export interface InspectedDictionary {
  readonly model: LanguageModel;
  readonly dictionary: Dictionary;
  readonly engine: EngineDictionary;
}

/** What the model and the dictionary say about tokens [from, to) of a text. */
export interface TokenReadings {
  readonly from: number;
  readonly to: number;
  /** [to − from] features of each token */
  readonly features: SparseFeatures;
  /** [to − from] ‖x − x̂‖² */
  readonly reconstructionErrors: Float64Array;
  /** [to − from] −log p of each token, nats; NaN for the text's first. */
  readonly losses: Float64Array;
}

const WINDOWS_PER_CALL = 8;

/** The hook point a dictionary reads. @throws UsageError for a dictionary trained on given activations, without one. */
export function hookPointOf({ name, origin }: Dictionary): string {
  if (origin.hookPoint === null)
    throw new UsageError(
      `dictionary ${name} was trained on given activations and names no hook point; a text can only be inspected with a dictionary of a model`,
    );
  return origin.hookPoint;
}

/** Reads a text of any length, a few windows at a time: memory does not grow with it. */
export async function* tokenReadings(
  encoding: Encoding,
  { model, dictionary, engine }: InspectedDictionary,
  control: JobControl,
): AsyncGenerator<TokenReadings, void, undefined> {
  const hookPoint = hookPointOf(dictionary);
  if (encoding.ids.length === 0) return;
  const windows = textWindows(encoding, model.description.contextLength);
  for (let start = 0; start < windows.length; start += WINDOWS_PER_CALL) {
    throwIfStopped(control);
    const group = windows.slice(start, start + WINDOWS_PER_CALL);
    const sequences = group.map(({ ids }) => ids);
    const { activations, losses } = await model.activationsAndLosses(hookPoint, sequences, control.signal);
    for (const [i, window] of group.entries())
      yield await readWindow(window, activations[i]!, losses[i]!, dictionary.shape.dIn, engine);
    control.report({ stage: 'inspecting', done: group.at(-1)!.to, total: encoding.ids.length, unit: 'tokens' });
  }
}

async function readWindow(
  window: TextWindow,
  activations: Float32Array,
  windowLosses: Float32Array,
  dIn: number,
  engine: EngineDictionary,
): Promise<TokenReadings> {
  const { from, to } = window;
  const rows = activations.subarray(positionIn(window, from) * dIn, positionIn(window, to - 1) * dIn + dIn);
  const features = await engine.encode(rows);
  const reconstructions = await engine.decode(features);
  const reconstructionErrors = new Float64Array(to - from);
  const losses = new Float64Array(to - from);
  for (let i = 0; i < to - from; i++) {
    for (let j = i * dIn; j < (i + 1) * dIn; j++) reconstructionErrors[i]! += (rows[j]! - reconstructions[j]!) ** 2;
    const position = positionIn(window, from + i);
    losses[i] = position === 0 ? NaN : windowLosses[position - 1]!;
  }
  return { from, to, features, reconstructionErrors, losses };
}
