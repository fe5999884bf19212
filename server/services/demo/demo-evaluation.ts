import type { JobControl } from '../../foundation/progress.ts';
import type { Evaluation } from '../../evaluate/evaluate.ts';
import { EvaluateRequest } from '../../protocol/requests.ts';
import { ARMS } from '../../retrieve/selection.ts';
import { evaluate } from '../evaluation.ts';
import type { Resources } from '../resources.ts';
import { CORPORA } from './demo-corpora.ts';
import { SEED_SET, selectionName } from './demo-retrieval.ts';
import { RUNS } from './demo-training.ts';
import { SIZES } from './subject.ts';

export interface DemoEvaluation {
  /** Each run against builtin-gsae. */
  readonly domain: ReadonlyMap<string, Evaluation>;
  readonly general: ReadonlyMap<string, Evaluation>;
  /** On domain text: retrieved against random, and TERM against ERM. */
  readonly retrievalEffect: Evaluation;
  readonly termEffect: Evaluation;
}

/** Measures every run on held-out text that overlaps no seed and no selection. */
export async function evaluateEveryRun(
  seed: number,
  resources: Resources,
  control: (stage: string) => JobControl,
): Promise<DemoEvaluation> {
  const exclude = { selections: ARMS.map(selectionName), seeds: [SEED_SET] };
  const measure = (split: 'domain' | 'general', dictionary: string, baseline: string): Promise<Evaluation> => {
    const tokens = split === 'domain' ? SIZES.domainTokens : SIZES.generalTokens;
    const request = EvaluateRequest.parse({ corpus: CORPORA[split], dictionary, baseline, exclude, tokens, seed });
    return evaluate(request, resources, control(`evaluate ${dictionary} on ${split} text`));
  };
  const domain = new Map<string, Evaluation>();
  const general = new Map<string, Evaluation>();
  for (const { name } of RUNS) {
    domain.set(name, await measure('domain', name, 'builtin-gsae'));
    general.set(name, await measure('general', name, 'builtin-gsae'));
  }
  return {
    ...{ domain, general },
    retrievalEffect: await measure('domain', 'retrieved-erm', 'random-erm'),
    termEffect: await measure('domain', 'retrieved-term', 'retrieved-erm'),
  };
}
