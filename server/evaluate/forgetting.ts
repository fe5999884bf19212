import { UsageError } from '../foundation/errors.ts';
import type { EvaluateResult, Metric } from '../protocol/results.ts';

type Forgettable = 'ce_score' | 'explained_variance';

/**
 * What a dictionary lost on general text when it was specialised: its metric minus the general dictionary's, both on a held-out
 * general corpus. Negative is forgotten.
 * @param general an evaluation on general text, against the dictionary it was finetuned from
 * @throws UsageError when the evaluation had no baseline
 */
export function forgetting(general: EvaluateResult): Record<`forgetting_${Forgettable}`, Metric> {
  const of = (name: Forgettable): Metric => {
    const { difference, low, high, formula } = general.metrics[name]!;
    if (difference === null)
      throw new UsageError(
        `${general.dictionary} was evaluated without a baseline; forgetting needs the dictionary it was made from`,
      );
    return {
      ...{ value: difference, baseline: null, difference: null, low, high },
      formula: `${name} of ${general.dictionary} minus ${name} of ${String(general.baseline)} on general text; ${name} = ${formula}`,
    };
  };
  return { forgetting_ce_score: of('ce_score'), forgetting_explained_variance: of('explained_variance') };
}
