/** The two entry points: a dictionary from given activations, new or from another dictionary. */
import { resolve } from 'node:path';
import type { DictionaryParameters, Engine, TrainingState } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import { foldHomogeneousScale } from '../sae/canonical.ts';
import { refuseForeignFolder, saveDictionary } from '../sae/dictionary-store.ts';
import type { Dictionary, DictionaryOrigin } from '../sae/dictionary.ts';
import { roundToStorage, type Storage } from '../sae/saelens.ts';
import { refuseOtherWidth } from './activation-file.ts';
import type { RowSource } from './batches.ts';
import { checkpointPath, readCheckpoint, removeCheckpoint } from './checkpoint.ts';
import { splitHeldOut, type HeldOutSplit } from './held-out-split.ts';
import { History } from './history.ts';
import { activationScale, initialParameters, SAMPLE_ROWS } from './initialise.ts';
import { measureHeldOut } from './measure.ts';
import { baseOf, made, methodConfig, methodIdentity, methodOf, trainedFeatures, type Method } from './method.ts';
import { mixedIn, splitHashOf, trainingRows, type MixedIn } from './mixture.ts';
import { FrozenDictionary, initialResidual } from './residual-dictionary.ts';
import { revivedLatents } from './trained-latents.ts';
import { resumeHint, runTraining, type TrainedRun } from './trainer.ts';
import { planFinetuning, planTraining, type TrainingPlan } from './training-plan.ts';

export interface TrainingContext {
  readonly engine: Engine;
  /** Where the activations are from, for the dictionary's own record. */
  readonly origin: DictionaryOrigin;
  /** The dictionary's folder; checkpoints lie beside it until training is done. */
  readonly outputFolder: string;
}

export interface TrainedDictionary {
  readonly dictionary: Dictionary;
  readonly result: TrainResult;
}

/**
 * Trains a new dictionary.
 *
 * Activations are multiplied by √d_in / mean‖x‖ (4,096 training rows) on the way in, and the factor is folded back into the biases at
 * the end: relu and top-k commute with it, so features and reconstructions are in the units of the raw activations.
 * @throws UsageError when the request cannot be met, WorkError when data or numerics fail, Interrupted with how to resume
 */
export async function trainDictionary(
  request: TrainRequest,
  data: ActivationFolder,
  context: TrainingContext,
  control: JobControl,
): Promise<TrainedDictionary> {
  const split = splitHeldOut(data, request.heldOutShare, request.seed);
  const plan = planTraining(request, data.dIn, split.trainingRows);
  const job = { request, data, split, mixed: null, plan, method: { kind: 'new' } as const, storage: request.storage };
  return train({ ...job, ...context }, control);
}

/**
 * Specialises a dictionary to other activations (`finetune`: its weights are the start), or trains new weights of the same
 * architecture and size (`scratch`, the control), or adds features to it (`residual`), or trains some of its own (`partial`). The
 * activations' scale is estimated from what is trained on.
 * @param general activations to mix in as the request says; null for none
 * @throws as {@link trainDictionary}
 */
export async function finetuneDictionary(
  request: FinetuneRequest,
  from: Dictionary,
  data: ActivationFolder,
  general: ActivationFolder | null,
  context: TrainingContext,
  control: JobControl,
): Promise<TrainedDictionary> {
  refuseOtherWidth(from, data);
  if (general !== null) refuseOtherWidth(from, general);
  const split = splitHeldOut(data, request.heldOutShare, request.seed);
  const mixed = general === null ? null : mixedIn(general, request.mix?.share ?? 0, split, request);
  // A row of the domain is visited once while its share of the mixture passes.
  const plan = planFinetuning(request, from, Math.floor(split.trainingRows / (1 - (mixed?.share ?? 0))));
  const method = methodOf(request, from);
  return train({ request, data, split, mixed, plan, method, storage: 'float32', ...context }, control);
}

interface Job extends TrainingContext {
  readonly request: TrainRequest | FinetuneRequest;
  readonly data: ActivationFolder;
  readonly split: HeldOutSplit;
  readonly plan: TrainingPlan;
  readonly mixed: MixedIn | null;
  readonly method: Method;
  readonly storage: Storage;
}

async function train(job: Job, control: JobControl): Promise<TrainedDictionary> {
  const { request, data, split, plan, method, mixed, engine, outputFolder, storage } = job;
  await refuseForeignFolder(outputFolder);
  const path = checkpointPath(outputFolder);
  const identity = {
    ...{ plan, storage, heldOutShare: request.heldOutShare, engine: engine.name },
    ...{ activations: data.contentHash, ...methodIdentity(method) },
    ...(mixed === null ? {} : { mixed: { activations: mixed.data.contentHash, share: mixed.share } }),
  };
  const stored = request.resume ? await readCheckpoint(path, plan.shape, identity) : null;
  if (!request.resume) await removeCheckpoint(path);
  const rows = trainingRows(data, split, mixed, plan);
  const start = stored === null ? await startOf(job, rows) : { from: stored.state, scale: stored.scale };
  await rows.seek(stored?.position ?? 0);
  const history = new History(stored?.history);
  const { scale } = start;
  await using frozen = method.kind === 'residual' ? await FrozenDictionary.load(engine, method.of, scale) : null;
  await using trainer = await engine.trainer(plan.shape, start.from);
  await trainer.trainOnly(trainedFeatures(method, plan.shape));
  const checkpoint = { path, everySteps: request.checkpointEverySteps, run: identity };
  const done = {
    stepsDone: stored?.steps ?? 0,
    secondsDone: stored?.seconds ?? 0,
    millisecondsDone: stored?.milliseconds ?? [],
  };
  const trained = await runTraining({ plan, trainer, rows, frozen, scale, history, ...done, checkpoint }, control);
  return await finish(job, trained, scale, history, control);
}

async function startOf(
  { plan, method, engine, data, split }: Job,
  rows: RowSource,
): Promise<{ from: DictionaryParameters | TrainingState; scale: number }> {
  const sample = (await rows.deal(Math.min(SAMPLE_ROWS, split.trainingRows), 1, 0)).values;
  const scale = activationScale(sample, data.dIn);
  const scaled = sample.map((value) => value * scale);
  if (method.kind === 'finetune' || method.kind === 'partial') {
    const parameters = foldHomogeneousScale(method.from.parameters, 1 / scale);
    if (method.kind === 'finetune' || !method.revives) return { from: parameters, scale };
    const start = { shape: plan.shape, parameters };
    return { from: await revivedLatents(engine, start, method.chosen, scaled, plan.seed), scale };
  }
  if (method.kind === 'residual') {
    await using frozen = await FrozenDictionary.load(engine, method.of, scale);
    return { from: await initialResidual(engine, plan.shape, await frozen.problem(scaled), plan.seed), scale };
  }
  return { from: await initialParameters(engine, plan.shape, scaled, plan.seed), scale };
}

async function finish(
  job: Job,
  trained: TrainedRun,
  scale: number,
  history: History,
  control: JobControl,
): Promise<TrainedDictionary> {
  const { request, data, split, plan, method, mixed, engine, origin, outputFolder, storage } = job;
  const { shape, parameters } = made(method, plan.shape, foldHomogeneousScale(trained.state.parameters, scale));
  const base = baseOf(method);
  const labels = base?.labels ?? new Map<number, string>();
  const unnamed = { shape, parameters: roundToStorage(parameters, storage), origin, labels };
  const withCoefficient =
    plan.shape.architecture.kind === 'relu' ? { ...unnamed, sparsityCoefficient: plan.sparsityCoefficient } : unnamed;
  const measured = await measureHeldOut(engine, unnamed, data, split, control, resumeHint(plan.steps, plan));
  const final = { ...measured.final, effectiveSampleSize: lastSampleSize(plan, history) };
  const heldOut = { tokens: split.heldOutRows, splitHash: splitHashOf(split, mixed) };
  const stepMilliseconds = quantiles(trained.stepMilliseconds);
  const inputs = {
    activations: data.contentHash,
    ...(base === null ? {} : { from: base.contentHash }),
    ...(mixed === null ? {} : { general: mixed.data.contentHash }),
  };
  const normalisation = { scale, rows: Math.min(SAMPLE_ROWS, split.trainingRows) };
  const dictionary = await saveDictionary(
    outputFolder,
    { ...withCoefficient, densities: measured.densities },
    {
      config: {
        ...{ plan, storage, heldOutShare: request.heldOutShare, engine: engine.name, normalisation },
        ...methodConfig(method),
        ...(mixed === null ? {} : { mixedShare: mixed.share }),
      },
      ...{ inputs, seed: request.seed, metrics: { final, heldOut } },
    },
    {
      storage,
      files: {
        'history.json': `${JSON.stringify(history.points)}\n`,
        'timing.json': `${JSON.stringify({ seconds: trained.seconds, stepMilliseconds, device: engine.device })}\n`,
      },
    },
  );
  await removeCheckpoint(checkpointPath(outputFolder));
  const result: TrainResult = {
    ...{ dictionary: dictionary.name, path: resolve(outputFolder), architecture: plan.shape.architecture.kind },
    ...{ dIn: plan.shape.dIn, dSae: shape.dSae, hookPoint: origin.hookPoint },
    ...describeObjective(plan.objective),
    ...{ engine: engine.name, seed: request.seed, steps: plan.steps, tokens: plan.steps * plan.batch },
    ...{ seconds: trained.seconds, stepMilliseconds, final, heldOut },
  };
  return { dictionary, result };
}

type ObjectiveFigures = Pick<TrainResult, 'objective' | 'tilt' | 'tau' | 'sampleSizeShare'>;

function describeObjective(objective: TrainingPlan['objective']): ObjectiveFigures {
  const none = { tilt: null, tau: null, sampleSizeShare: null };
  if (objective.kind === 'erm') return { objective: 'erm', ...none };
  const { tilt } = objective;
  switch (tilt.kind) {
    case 'raw':
      return { objective: 'term', ...none, tilt: tilt.t };
    case 'relative':
      return { objective: 'term', ...none, tau: tilt.tau };
    case 'sample_size':
      return { objective: 'term', ...none, sampleSizeShare: tilt.share };
  }
}

/** Mean over the last tenth of the history's points; null for ERM, where every token counts the same. */
function lastSampleSize({ objective }: TrainingPlan, { points }: History): number | null {
  if (objective.kind === 'erm') return null;
  const last = points.slice(-Math.ceil(points.length / 10));
  return last.reduce((sum, point) => sum + point.effectiveSampleSize, 0) / last.length;
}

function quantiles(milliseconds: Float64Array): TrainResult['stepMilliseconds'] {
  const sorted = milliseconds.toSorted();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
}
