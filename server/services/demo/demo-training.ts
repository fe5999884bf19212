import type { EngineChoice } from '../../compute/engines.ts';
import type { JobControl } from '../../foundation/progress.ts';
import type { ReportedTraining } from '../../protocol/report.ts';
import { FinetuneRequest } from '../../protocol/requests.ts';
import type { TrainResult } from '../../protocol/results.ts';
import { BUILTIN_MODEL } from '../../model/model-store.ts';
import type { Arm } from '../../retrieve/selection.ts';
import { reportedTraining } from '../reporting/reported-training.ts';
import type { Resources } from '../resources.ts';
import { finetune } from '../training.ts';
import { selectionName } from './demo-retrieval.ts';
import { SIZES } from './subject.ts';

/** One dictionary of the demo: what it was finetuned on, and how. */
export interface DemoRun {
  readonly name: string;
  readonly description: string;
  readonly arm: Arm;
  readonly objective: FinetuneRequest['objective'];
}

const TAU = 0.5;
/** One of the two best arms of the paper, chosen before any result was seen. */
export const RETRIEVED_ARM = 'dense+tracin';

export const RUNS: readonly DemoRun[] = [
  {
    name: 'random-erm',
    description: 'builtin-gsae finetuned on random passages of equal tokens, mean loss: the control for retrieval',
    arm: 'random',
    objective: { kind: 'erm' },
  },
  {
    name: 'retrieved-erm',
    description: `builtin-gsae finetuned on what ${RETRIEVED_ARM} retrieved, mean loss`,
    arm: RETRIEVED_ARM,
    objective: { kind: 'erm' },
  },
  {
    name: 'retrieved-term',
    description: `the same passages with TERM, relative tilt τ = ${TAU}`,
    arm: RETRIEVED_ARM,
    objective: { kind: 'term', tilt: { kind: 'relative', tau: TAU }, tilts: 'loss' },
  },
];

export interface TrainedDemo {
  readonly results: readonly TrainResult[];
  readonly curves: readonly ReportedTraining[];
}

/** Finetunes every run from the same dictionary, over the same number of tokens. */
export async function trainEveryRun(
  engine: EngineChoice,
  seed: number,
  resources: Resources,
  control: (stage: string) => JobControl,
): Promise<TrainedDemo> {
  const { hookPoint } = (await resources.dictionaries.load('builtin-gsae')).origin;
  const results: TrainResult[] = [];
  const curves: ReportedTraining[] = [];
  for (const { name, arm, objective } of RUNS) {
    const request = FinetuneRequest.parse({
      ...{ from: 'builtin-gsae', output: name, engine, seed, objective, tokens: SIZES.trainingTokens },
      data: { kind: 'selection', model: BUILTIN_MODEL, hookPoint, selection: selectionName(arm) },
    });
    const result = await finetune(request, resources, control(`finetune ${name}`));
    results.push(result);
    curves.push(await reportedTraining(name, result.path));
  }
  return { results, curves };
}
