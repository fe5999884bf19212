import { throwIfStopped, unwatched, type JobControl } from '../foundation/progress.ts';
import { inspectText } from './inspect-text.ts';
import type { InspectedDictionary } from './token-readings.ts';

export interface HighlightBenchmark {
  readonly model: string;
  readonly dictionary: string;
  readonly dIn: number;
  readonly dSae: number;
  readonly tokens: number;
  readonly rounds: number;
  /** Milliseconds of one inspection, everything warm. */
  readonly median: number;
  readonly p95: number;
}

const WARM_UP_ROUNDS = 3;
const TEXT =
  'The energy of an isolated system is conserved: heat that leaves one body enters another, and work done on a gas raises its temperature. ';

/** Time to light the features of a text of `tokens` tokens, as the editor asks for it. */
export async function benchmarkHighlight(
  inspected: InspectedDictionary,
  { tokens, rounds }: { readonly tokens: number; readonly rounds: number },
  control: JobControl,
): Promise<HighlightBenchmark> {
  const { model, dictionary } = inspected;
  const text = textOf(inspected, tokens);
  const milliseconds: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    throwIfStopped(control);
    const started = performance.now();
    await inspectText(text, inspected, { features: [], top: 5 }, unwatched);
    if (round >= 0) milliseconds.push(performance.now() - started);
    control.report({ stage: 'inspecting', done: Math.max(0, round + 1), total: rounds, unit: 'rounds' });
  }
  milliseconds.sort((a, b) => a - b);
  const at = (share: number): number => milliseconds[Math.min(rounds - 1, Math.floor(share * rounds))]!;
  return {
    ...{ model: model.description.name, dictionary: dictionary.name },
    ...{ dIn: dictionary.shape.dIn, dSae: dictionary.shape.dSae, tokens: model.encode(text).ids.length, rounds },
    ...{ median: at(0.5), p95: at(0.95) },
  };
}

/** A text whose encoding is `tokens` tokens long, or one token more where the last one was cut in two. */
function textOf({ model }: InspectedDictionary, tokens: number): string {
  let text = TEXT;
  while (model.encode(text).ids.length < tokens) text += TEXT;
  return text.slice(0, model.encode(text).ends[tokens - 1]);
}
