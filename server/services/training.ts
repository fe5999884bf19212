import { UsageError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import { finetuneDictionary, trainDictionary } from '../train/train.ts';
import type { Resources } from './resources.ts';
import { trainingActivations } from './training-text.ts';

/** Tokens to harvest so that `tokens` remain for training once the held-out share is taken away. */
function harvestTokens({ tokens, heldOutShare }: TrainRequest | FinetuneRequest): number | null {
  return tokens === null ? null : Math.ceil(tokens / (1 - heldOutShare));
}

export async function train(request: TrainRequest, resources: Resources, control: JobControl): Promise<TrainResult> {
  const outputFolder = resources.dictionaries.outputFolder(request.output);
  const { data, origin } = await trainingActivations(
    request.data,
    harvestTokens(request),
    request.seed,
    resources,
    control,
  );
  const engine = await resources.engine(request.engine, request.threads);
  return (await trainDictionary(request, data, { engine, origin, outputFolder }, control)).result;
}

export async function finetune(
  request: FinetuneRequest,
  resources: Resources,
  control: JobControl,
): Promise<TrainResult> {
  const outputFolder = resources.dictionaries.outputFolder(request.output);
  const from = await resources.dictionaries.load(request.from);
  const { hookPoint, model, contextLength, modelHash } = from.origin;
  if (request.data.kind !== 'activations' && hookPoint !== null && request.data.hookPoint !== hookPoint)
    throw new UsageError(
      `--hook is ${request.data.hookPoint}, but dictionary ${request.from} reads ${hookPoint} of model ${model ?? 'unknown'}`,
    );
  const { data, origin } = await trainingActivations(
    request.data,
    harvestTokens(request),
    request.seed,
    resources,
    control,
  );
  const engine = await resources.engine(request.engine, request.threads);
  const known = request.data.kind === 'activations' ? { model, modelHash, hookPoint, contextLength } : origin;
  return (await finetuneDictionary(request, from, data, { engine, origin: known, outputFolder }, control)).result;
}
