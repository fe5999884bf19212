/** The two entry points: a dictionary from given activations, new or from another dictionary. */
import { resolve } from 'node:path';
import { DeviceLostError } from '../compute/device-lost.ts';
import type { DictionaryParameters, Engine } from '../compute/engine.ts';
import { onlyEngine, type RunEngines } from '../compute/run-engines.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import type { TrainResult } from '../protocol/results.ts';
import { passesOf } from '../protocol/training-amount.ts';
import { familyOf } from '../sae/architectures/families.ts';
import { foldHomogeneousScale, type ActivationScale } from '../sae/canonical.ts';
import { refuseForeignFolder, saveDictionary } from '../sae/dictionary-store.ts';
import type { Dictionary, DictionaryOrigin } from '../sae/dictionary.ts';
import { roundToStorage } from '../sae/saelens.ts';
import type { Storage } from '../sae/saelens-tensors.ts';
import { refuseOtherWidth } from './activation-file.ts';
import { checkpointPath, readCheckpoint, readTrained, removeCheckpoint } from './checkpoint.ts';
import { EndToEnd } from './end-to-end.ts';
import { EngineSuccession, type EngineTurn } from './engine-succession.ts';
import { splitHeldOut, type HeldOutSplit } from './held-out-split.ts';
import { History } from './history.ts';
import { SAMPLE_ROWS } from './initialise.ts';
import { measureHeldOut } from './measure.ts';
import type { ModelTail } from './model-tail.ts';
import { baseOf, made, methodConfig, methodIdentity, methodOf, trainedFeatures, type Method } from './method.ts';
import { mixedIn, splitHashOf, trainingRows, type MixedIn } from './mixture.ts';
import { FrozenDictionary } from './residual-dictionary.ts';
import { refuseOversized } from './memory.ts';
import { openRun } from './run-start.ts';
import { resumeHint, runTraining, type TrainedRun } from './trainer.ts';
import { accumulationOf, outputSlopesOf } from './training-step.ts';
import { planFinetuning, planTraining, type TrainingPlan } from './training-plan.ts';
import { WholePassages } from './whole-passages.ts';

export interface TrainingContext {
  /** The one engine, or those that may follow each other. */
  readonly engine: Engine | RunEngines;
  /** Where the activations are from, for the dictionary's own record. */
  readonly origin: DictionaryOrigin;
  /** Of a transcoder: where its targets are from. */
  readonly targetHookPoint?: string | null;
  /** The model behind the hook point; null or absent where it is not asked for. */
  readonly tail?: ModelTail | null;
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
 * Activations are multiplied by √d_in / mean‖x‖ (4,096 training rows) on the way in, a transcoder's targets by their own factor, and the
 * factors are folded back into biases and thresholds at the end: relu, selection and thresholds commute with them, so features and
 * reconstructions are in the units of the raw activations.
 * @throws UsageError when the request cannot be met, WorkError when data or numerics fail, Interrupted with how to resume
 */
export async function trainDictionary(
  request: TrainRequest,
  data: ActivationFolder,
  context: TrainingContext,
  control: JobControl,
): Promise<TrainedDictionary> {
  const split = splitHeldOut(data, request.heldOutShare, request.seed);
  const plan = planTraining(request, data, split.trainingRows);
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
  const plan = planFinetuning(request, from, data, Math.floor(split.trainingRows / (1 - (mixed?.share ?? 0))));
  const method = methodOf(request, from);
  return train({ request, data, split, mixed, plan, method, storage: 'float32', ...context }, control);
}

interface Work extends TrainingContext {
  readonly request: TrainRequest | FinetuneRequest;
  readonly data: ActivationFolder;
  readonly split: HeldOutSplit;
  readonly plan: TrainingPlan;
  readonly mixed: MixedIn | null;
  readonly method: Method;
  readonly storage: Storage;
}

/** Work on one engine. */
interface Job extends Work {
  readonly engine: Engine;
  readonly turn: EngineTurn;
}

/** `235 steps of 128 tokens, 22 passes over 1,350 rows` */
function amountWords({ plan: { steps, batch }, split, mixed }: Work): string {
  const own = steps * batch * (1 - (mixed?.share ?? 0));
  const [passes, rows] = [passesOf(own, split.trainingRows), split.trainingRows];
  return `${[steps, batch].map(grouped).join(' steps of ')} tokens, ${grouped(passes)} ${passes === 1 ? 'pass' : 'passes'} over ${grouped(rows)} rows`;
}

const grouped = (value: number): string => value.toLocaleString('en-US');

/** Trains to the end on one engine after another: what a lost device computed since the last checkpoint is computed again. */
async function train(work: Work, control: JobControl): Promise<TrainedDictionary> {
  const { request, plan, engine, outputFolder } = work;
  await refuseForeignFolder(outputFolder);
  refuseOversized(plan, request.memory);
  const path = checkpointPath(outputFolder);
  if (!request.resume) await removeCheckpoint(path);
  control.report({ stage: 'planning', done: 0, total: null, unit: 'steps', notice: amountWords(work) });
  const succession = new EngineSuccession('first' in engine ? engine : onlyEngine(engine), plan, path, control);
  for (let turn = await succession.first(); ;) {
    try {
      return await trainOn({ ...work, engine: turn.engine, turn }, control);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      turn = await succession.after(turn, error);
    }
  }
}

async function trainOn(job: Job, control: JobControl): Promise<TrainedDictionary> {
  const { request, data, split, plan, method, mixed, engine, turn, outputFolder, storage } = job;
  refuseOversized(plan, request.memory, engine.name);
  const path = checkpointPath(outputFolder);
  const identity = {
    ...{ plan, storage, heldOutShare: request.heldOutShare, engine: engine.name },
    ...{ activations: data.contentHash, targets: data.targets?.contentHash ?? null, ...methodIdentity(method) },
    ...(mixed === null ? {} : { mixed: { activations: mixed.data.contentHash, share: mixed.share } }),
  };
  const stored = await readCheckpoint(path, plan, { ...identity, engine: turn.checkpointed ?? engine.name });
  await using rows = trainingRows(data, split, mixed, plan);
  const { trainer: opened, scale, threshold } = await openRun(job, path, rows, stored);
  await using trainer = opened;
  if (plan.microBatch !== undefined) accumulationOf(trainer);
  const endToEnd = endToEndOf(job, scale);
  if (endToEnd !== null) outputSlopesOf(trainer);
  await rows.seek(stored?.position ?? 0);
  const history = new History(stored?.history);
  await using frozen = method.kind === 'residual' ? await FrozenDictionary.load(engine, method.of, scale) : null;
  await trainer.trainOnly(trainedFeatures(method, plan.shape));
  const checkpoint = { path, everySteps: request.checkpointEverySteps, run: identity, engineChanges: turn.changes };
  const done = {
    stepsDone: stored?.steps ?? 0,
    secondsDone: stored?.seconds ?? 0,
    millisecondsDone: stored?.milliseconds ?? [],
  };
  const parts = { plan, trainer, rows, frozen, endToEnd, scale, threshold, history, ...done, checkpoint };
  const trained = await runTraining(parts, control);
  const seconds = trained.seconds - done.secondsDone;
  const waited = rows.waitedMilliseconds / 1000;
  const waitShare = seconds + waited === 0 ? 0 : waited / (seconds + waited);
  // Its memory, moments above all, is not needed while the dictionary is measured and stored. The last step left a checkpoint.
  await trainer[Symbol.asyncDispose]();
  const parameters = await readTrained(path, plan.shape);
  return await finish(job, { ...trained, parameters, waitShare }, scale, history, control);
}

/** @throws UsageError when the run is to have the model's divergence in its loss, and there is no model or are no passages */
function endToEndOf({ plan, data, split, tail = null }: Job, scale: ActivationScale): EndToEnd | null {
  const { divergence, seed, batch: tokens } = plan;
  if (divergence === undefined) return null;
  if (tail === null)
    throw new UsageError(
      '--kl needs the model that the activations are of; train on --corpus, --selection or a folder that ssae harvest filled',
    );
  const passages = new WholePassages(data, split.training, { seed, tokens, longest: tail.longest });
  return new EndToEnd(divergence, passages, tail, scale);
}

async function finish(
  job: Job,
  trained: TrainedRun & { readonly parameters: DictionaryParameters; readonly waitShare: number },
  scale: ActivationScale,
  history: History,
  control: JobControl,
): Promise<TrainedDictionary> {
  const { request, data, split, plan, method, mixed, engine, turn, origin, outputFolder, storage } = job;
  const { architecture, sparsity } = plan;
  const { threshold } = trained;
  const stored = familyOf(architecture).stored({ shape: plan.shape, parameters: trained.parameters }, threshold ?? 0);
  const { shape, parameters } = made(method, stored.shape, foldHomogeneousScale(stored.parameters, scale));
  const base = baseOf(method);
  const unnamed = {
    ...{ shape, parameters: roundToStorage(parameters, storage), origin },
    labels: base?.labels ?? new Map<number, string>(),
    trainedAs: architecture,
    ...(sparsity.kind === 'token' ? { sparsityCoefficient: sparsity.coefficient } : {}),
    ...(architecture.kind === 'transcoder' ? { transcoder: { hookPoint: job.targetHookPoint ?? null } } : {}),
  };
  const measured = await measureHeldOut(engine, unnamed, data, split, control, resumeHint(plan.steps, plan));
  const final = { ...measured.final, effectiveSampleSize: lastSampleSize(plan, history) };
  const heldOut = { tokens: split.heldOutRows, splitHash: splitHashOf(split, mixed) };
  const stepMilliseconds = quantiles(trained.stepMilliseconds);
  const timing = { seconds: trained.seconds, waitShare: trained.waitShare };
  const inputs = {
    activations: data.contentHash,
    ...(data.targets === undefined ? {} : { targets: data.targets.contentHash }),
    ...(base === null ? {} : { from: base.contentHash }),
    ...(mixed === null ? {} : { general: mixed.data.contentHash }),
  };
  const normalisation = { scale, rows: Math.min(SAMPLE_ROWS, split.trainingRows) };
  const dictionary = await saveDictionary(
    outputFolder,
    { ...unnamed, densities: measured.densities },
    {
      config: {
        ...{ plan, storage, heldOutShare: request.heldOutShare, engine: engine.name, normalisation },
        ...methodConfig(method),
        ...(turn.changes.length === 0 ? {} : { engineChanges: turn.changes }),
        ...(mixed === null ? {} : { mixedShare: mixed.share }),
      },
      ...{ inputs, seed: request.seed, metrics: { final, heldOut } },
    },
    {
      storage,
      files: {
        'history.json': `${JSON.stringify(history.points)}\n`,
        'timing.json': `${JSON.stringify({ ...timing, stepMilliseconds, device: engine.device, engineReason: turn.reason })}\n`,
      },
    },
  );
  await removeCheckpoint(checkpointPath(outputFolder));
  const result: TrainResult = {
    ...{ dictionary: dictionary.name, path: resolve(outputFolder), architecture: architecture.kind },
    ...{ dIn: plan.shape.dIn, dSae: shape.dSae, hookPoint: origin.hookPoint },
    ...describeObjective(plan.objective),
    ...{ engine: engine.name, engineReason: turn.reason, engineChanges: turn.changes },
    ...{ seed: request.seed, steps: plan.steps, tokens: plan.steps * plan.batch },
    divergence: lastDivergence(plan, history),
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

function lastDivergence({ divergence, steps }: TrainingPlan, { points }: History): TrainResult['divergence'] {
  const value = points.at(-1)?.divergence;
  if (divergence === undefined || value === undefined) return null;
  return { coefficient: divergence.coefficient, steps: steps - divergence.fromStep, value };
}

function quantiles(milliseconds: Float64Array): TrainResult['stepMilliseconds'] {
  const sorted = milliseconds.toSorted();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
}
