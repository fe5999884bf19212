import { UsageError } from '../foundation/errors.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { FinetuneRequest, TrainingData, TrainRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import type { Dictionary, DictionaryOrigin } from '../sae/dictionary.ts';
import { refuseOversized } from '../train/memory.ts';
import { finetuneDictionary, trainDictionary } from '../train/train.ts';
import { planFinetuning, planTraining, type TrainingPlan } from '../train/training-plan.ts';
import { harvestedTail, namedTail } from './end-to-end-model.ts';
import type { Resources } from './resources.ts';
import { trainingActivations, type ExpectedActivations, type TrainingActivations } from './training-text.ts';

/**
 * Activations for a request: enough that its tokens remain once the held-out share is taken away. What cannot be planned, or would take
 * more memory than there is, is refused before a model reads anything.
 */
function activationsFor(
  { data, tokens, heldOutShare, seed, memory }: TrainRequest | FinetuneRequest,
  transcodes: boolean,
  resources: Resources,
  control: JobControl,
  plan: (expected: ExpectedActivations, rows: number) => TrainingPlan,
): Promise<TrainingActivations> {
  const harvested = tokens === null ? null : Math.ceil(tokens / (1 - heldOutShare));
  return trainingActivations(data, transcodes, harvested, seed, resources, control, (expected) => {
    const rows = Math.max(1, Math.floor(expected.tokens * (1 - heldOutShare)));
    refuseOversized(plan(expected, rows), memory);
  });
}

export async function train(request: TrainRequest, resources: Resources, control: JobControl): Promise<TrainResult> {
  const outputFolder = resources.dictionaries.outputFolder(request.output);
  const named = await namedTail(request, resources);
  const { data, origin } = await activationsFor(
    request,
    request.architecture.kind === 'transcoder',
    resources,
    control,
    (expected, rows) => planTraining(request, expected, rows),
  );
  const tail = named ?? (await harvestedTail(request, origin, resources));
  const engine = resources.engines(request.engine, request.threads);
  const { targetHookPoint } = request.data;
  const context = { engine, origin, targetHookPoint, tail, outputFolder };
  return (await trainDictionary(request, data, context, control)).result;
}

/** @throws UsageError when the text would be read at another place, or by another model, than the dictionary was trained for */
async function refuseOtherModel(
  data: TrainingData,
  from: string,
  origin: DictionaryOrigin,
  resources: Resources,
): Promise<void> {
  if (data.kind === 'activations') return;
  if (origin.hookPoint !== null && data.hookPoint !== origin.hookPoint)
    throw new UsageError(
      `--hook is ${data.hookPoint}, but dictionary ${from} reads ${origin.hookPoint} of model ${origin.model ?? 'unknown'}`,
    );
  const { contentHash } = (await resources.model(data.model)).description;
  if (origin.modelHash !== null && contentHash !== origin.modelHash)
    throw new UsageError(
      `--model is ${data.model} (content ${contentHash.slice(0, 12)}), but dictionary ${from} was trained on model ${origin.model ?? 'unknown'} (content ${origin.modelHash.slice(0, 12)})`,
    );
}

/**
 * Activations of the text that is mixed in: as many as the run's tokens take, or, where their number is left open, as the domain's rows
 * take when each is visited once.
 */
async function generalText(
  { mix, tokens, heldOutShare, seed }: FinetuneRequest,
  targetHookPoint: string | null,
  transcodes: boolean,
  domainRows: number,
  resources: Resources,
  control: JobControl,
): Promise<ActivationFolder | null> {
  if (mix === null) return null;
  const wanted = tokens === null ? (domainRows * mix.share) / (1 - mix.share) : tokens * mix.share;
  const data = { ...mix.data, targetHookPoint };
  const harvested = Math.ceil(wanted / (1 - heldOutShare));
  return (await trainingActivations(data, transcodes, harvested, seed, resources, control, () => undefined)).data;
}

/** @throws UsageError when harvested shards are of another model or hook point than the dictionary, which a width does not tell */
function refuseOtherHarvest(from: Dictionary, origin: DictionaryOrigin): void {
  const { modelHash, hookPoint } = from.origin;
  if (modelHash === null || origin.modelHash === null) return;
  if (modelHash === origin.modelHash && hookPoint === origin.hookPoint) return;
  const place = (of: DictionaryOrigin): string =>
    `${of.hookPoint ?? 'an unknown hook point'} of model ${of.model ?? 'unknown'} (content ${of.modelHash?.slice(0, 12) ?? 'unknown'})`;
  throw new UsageError(
    `--activations is a harvest at ${place(origin)}, but dictionary ${from.name} reads ${place(from.origin)}; harvest there`,
  );
}

export async function finetune(
  request: FinetuneRequest,
  resources: Resources,
  control: JobControl,
): Promise<TrainResult> {
  const outputFolder = resources.dictionaries.outputFolder(request.output);
  const from = await resources.dictionaries.load(request.from);
  await refuseOtherModel(request.data, request.from, from.origin, resources);
  if (request.mix !== null) await refuseOtherModel(request.mix.data, request.from, from.origin, resources);
  const named = await namedTail(request, resources);
  const targetHookPoint = request.data.targetHookPoint ?? from.transcoder?.hookPoint ?? null;
  const located = { ...request, data: { ...request.data, targetHookPoint } };
  const transcodes = from.transcoder !== undefined;
  const { data, origin } = await activationsFor(located, transcodes, resources, control, (expected, rows) =>
    planFinetuning(request, from, expected, rows),
  );
  const general = await generalText(request, targetHookPoint, transcodes, data.rows, resources, control);
  if (request.data.kind === 'activations') refuseOtherHarvest(from, origin);
  const tail = named ?? (await harvestedTail(request, origin, resources));
  const engine = resources.engines(request.engine, request.threads);
  const known = request.data.kind === 'activations' ? from.origin : origin;
  const context = { engine, origin: known, targetHookPoint, tail, outputFolder };
  return (await finetuneDictionary(request, from, data, general, context, control)).result;
}
