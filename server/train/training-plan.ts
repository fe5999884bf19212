/** Everything a run's arithmetic depends on, with every default filled in. Two equal plans on equal data give equal bytes. */
import { checkMoments } from '../compute/engine-checks.ts';
import type { AuxiliaryLoss, EngineShape, StepSettings } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { Architecture, Prefixes } from '../protocol/architectures.ts';
import type { FinetuneRequest, Objective, TrainRequest } from '../protocol/requests.ts';
import { finetuningBatch, trainingTokens } from '../protocol/training-amount.ts';
import { familyOf } from '../sae/architectures/families.ts';
import type { SparsityTerm } from '../sae/architectures/family.ts';
import { anewLike, continuationOf, type Continuation } from '../sae/architectures/finetuned.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { residualLike } from './residual-dictionary.ts';
import { thresholdRate } from './threshold-average.ts';

export interface TrainingPlan {
  readonly shape: EngineShape;
  readonly objective: Objective;
  readonly seed: number;
  readonly steps: number;
  /** Tokens a step. */
  readonly batch: number;
  /** Tokens that the engine is given at once; absent: all of a step. */
  readonly microBatch?: number;
  /** How Adam's moments of matrices are stored; absent: float32. */
  readonly moments?: 'bfloat16';
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Steps at the end over which the learning rate falls to zero. */
  readonly decaySteps: number;
  readonly adam: Pick<StepSettings, 'beta1' | 'beta2' | 'epsilon' | 'maxGradientNorm'>;
  readonly architecture: Architecture;
  /** λ is at its full height after `sparsityWarmupSteps`. */
  readonly sparsity: SparsityTerm;
  readonly sparsityWarmupSteps: number;
  readonly prefixes: Prefixes | null;
  /** η of the moving average that becomes the threshold of the stored dictionary; null where there is none. */
  readonly thresholdRate: number | null;
  readonly auxiliary: AuxiliaryLoss | null;
  readonly resampling: ResamplingPlan | null;
  /** Absent where the loss is of the activations alone. */
  readonly divergence?: DivergencePlan;
}

/** The steps whose loss has the model's divergence in it. */
export interface DivergencePlan {
  /** C: how much it weighs against the reconstruction. */
  readonly coefficient: number;
  /** The first of them, counted from 0. */
  readonly fromStep: number;
}

export interface ResamplingPlan {
  /** Steps after which dead features are re-initialised. */
  readonly after: readonly number[];
  readonly deadAfterTokens: number;
}

/**
 * AuxK as in 2406.04093, A.2: coefficient 1/32, k about d_in / 2 (at most 512, and all features of a small dictionary). Their window of 10 million tokens is longer than many
 * runs here, so a latent counts as dead after a twentieth of the run, but not before 10 batches.
 */
function auxiliaryLoss(shape: EngineShape, steps: number, batch: number): AuxiliaryLoss {
  return {
    k: Math.max(1, Math.min(512, Math.floor(shape.dIn / 2), shape.dSae)),
    coefficient: 1 / 32,
    deadAfterTokens: Math.min(10_000_000, batch * Math.max(10, Math.round(steps / 20))),
    form: 'normalised',
  };
}

/**
 * Bricken et al. 2023: at 25, 50, 75 and 100 thousand of their steps, features that were silent for the last 12,500. As shares of a run of
 * 200 thousand: after 1/8, 2/8, 3/8 and 4/8, silent for the last 1/16.
 */
function resamplingPlan(steps: number, batch: number): ResamplingPlan {
  const after = [1, 2, 3, 4].map((eighth) => Math.round((steps * eighth) / 8));
  return {
    after: [...new Set(after)].filter((step) => step > 0 && step < steps),
    deadAfterTokens: batch * Math.max(1, Math.round(steps / 16)),
  };
}

/** An effective sample size cannot be below one token. */
function refuseSmallSample(objective: Objective, batch: number): void {
  if (objective.kind === 'erm' || objective.tilt.kind !== 'sample_size') return;
  const { share } = objective.tilt;
  if (share * batch < 1)
    throw new UsageError(
      `--ess is ${share} of a batch of ${batch} tokens, which is less than one token; expected at least ${1 / batch}, or a larger --batch`,
    );
}

/** What selects over the whole batch would select otherwise over pieces of it. */
function microBatchOf(
  { microBatch }: TrainRequest | FinetuneRequest,
  { architecture: { kind } }: EngineShape,
  batch: number,
): Pick<TrainingPlan, 'microBatch'> {
  if (microBatch === undefined || microBatch >= batch) return {};
  if (kind === 'batchtopk' || kind === 'matryoshka')
    throw new UsageError(
      `--micro-batch is ${microBatch}, and a ${kind} dictionary selects over its whole batch: in pieces it would be another method. Leave --micro-batch out, or take a smaller --batch`,
    );
  return { microBatch };
}

/** @throws UsageError when the engine that is asked for cannot */
function momentsOf({ moments = 'float32', engine }: TrainRequest | FinetuneRequest): Pick<TrainingPlan, 'moments'> {
  if (moments === 'float32') return {};
  checkMoments(moments, engine === 'auto' ? null : engine);
  return { moments };
}

/** @throws UsageError for what reconstructs no stream, does not hold its batch at once, or takes no slopes from outside */
function divergenceOf(
  { divergence, microBatch, engine }: TrainRequest | FinetuneRequest,
  { kind }: Architecture,
  steps: number,
): Pick<TrainingPlan, 'divergence'> {
  if (divergence === undefined) return {};
  const { coefficient, share } = divergence;
  if (engine === 'webgpu')
    throw new UsageError(
      `--kl is ${coefficient} with --engine webgpu, which takes no slopes from outside; expected cpu, wasm or tensorflow`,
    );
  if (kind === 'transcoder')
    throw new UsageError(
      `--kl is ${coefficient}, and a transcoder reconstructs another place than it reads, so the model cannot go on from it; expected another architecture, or no --kl`,
    );
  if (microBatch !== undefined)
    throw new UsageError(
      `--kl is ${coefficient} with --micro-batch ${microBatch}: passages are not cut into pieces; leave --micro-batch out, or take a smaller --batch`,
    );
  return { divergence: { coefficient, fromStep: steps - Math.max(1, Math.round(steps * share)) } };
}

interface Choices {
  readonly architecture: Architecture;
  readonly shape: EngineShape;
  readonly finetunes: boolean;
}

/** Finetuning takes a third of the learning rate: the dictionary is to move, not to start over. */
function plan(
  request: TrainRequest | FinetuneRequest,
  trainingRows: number,
  { architecture, shape, finetunes }: Choices,
): TrainingPlan {
  const { optimizer, objective, seed } = request;
  const family = familyOf(architecture);
  const needs = family.needs(architecture, shape);
  const batch = Math.min(request.batch ?? finetuningBatch(trainingRows, request.tokens), trainingRows);
  const steps = Math.ceil((request.tokens ?? trainingTokens(trainingRows, batch)) / batch);
  refuseSmallSample(objective, batch);
  const { beta1, beta2, epsilon, maxGradientNorm } = optimizer;
  return {
    ...{ architecture, shape, objective, seed, steps, batch, ...microBatchOf(request, shape, batch) },
    ...momentsOf(request),
    learningRate: optimizer.learningRate ?? family.learningRate(architecture, shape.dSae) / (finetunes ? 3 : 1),
    // dictionary_learning warms up for 1,000 steps; a run of fewer than 20,000 for a twentieth of it.
    warmupSteps: optimizer.warmupSteps ?? Math.min(1000, Math.floor(steps / 20)),
    decaySteps: Math.floor(steps * optimizer.decayShare),
    adam: { beta1, beta2, epsilon, maxGradientNorm },
    sparsity: needs.sparsity,
    // Anthropic, April 2024: λ grows over the first 5 % of training. A finetuned dictionary is sparse already.
    sparsityWarmupSteps: finetunes ? 0 : Math.floor(steps / 20),
    prefixes: needs.prefixes,
    thresholdRate: needs.followsThreshold ? thresholdRate(steps) : null,
    auxiliary: needs.auxiliaryLoss ? auxiliaryLoss(shape, steps, batch) : null,
    // A feature that is silent in the domain is still the general dictionary's.
    resampling: needs.resampling && !finetunes ? resamplingPlan(steps, batch) : null,
    ...divergenceOf(request, architecture, steps),
  };
}

/** @throws UsageError when a transcoder has no targets, or what is no transcoder is given some */
function refuseTargets({ kind }: Architecture, targets: RowWidths['targets']): void {
  if (kind === 'transcoder' && targets === undefined)
    throw new UsageError(
      'a transcoder needs targets; expected --hook-out with a model, or with --activations a tensor "targets" [n, d_out] in its file or --targets with another file',
    );
  if (kind !== 'transcoder' && targets !== undefined)
    throw new UsageError(
      `targets were given to a ${kind} dictionary, which reconstructs what it reads; expected a transcoder`,
    );
}

/** What a plan needs to know of the rows; a model and a hook point tell as much before anything is harvested. */
export interface RowWidths {
  readonly dIn: number;
  readonly targets?: { readonly dIn: number } | undefined;
}

/** With the λ that it is trained with, so that what is made of it later needs no default. */
function settled(architecture: Architecture, shape: EngineShape): Architecture {
  const family = familyOf(architecture);
  const { sparsity } = family.needs(architecture, shape);
  return sparsity.kind === 'token' ? family.withCoefficient(architecture, sparsity.coefficient) : architecture;
}

/** @throws UsageError when the request cannot be met */
export function planTraining(request: TrainRequest, { dIn, targets }: RowWidths, trainingRows: number): TrainingPlan {
  const { architecture, dSae } = request;
  const family = familyOf(architecture);
  family.check(architecture, dSae);
  refuseTargets(architecture, targets);
  const shape = family.shape(architecture, { dIn, dOut: targets?.dIn ?? dIn, dSae });
  return plan(request, trainingRows, { architecture: settled(architecture, shape), shape, finetunes: false });
}

function continuation({ mode, l1, residualFeatures }: FinetuneRequest, from: Dictionary): Continuation {
  switch (mode) {
    case 'finetune':
    case 'partial':
      return continuationOf(from, l1);
    case 'scratch':
      return anewLike(from, l1);
    case 'residual':
      return residualLike(from, residualFeatures, l1);
  }
}

/** @throws UsageError when λ is not known, or targets do not fit the dictionary */
export function planFinetuning(
  request: FinetuneRequest,
  from: Dictionary,
  { targets }: RowWidths,
  trainingRows: number,
): TrainingPlan {
  const continued = continuation(request, from);
  if (request.divergence !== undefined && request.mix !== null)
    throw new UsageError(
      '--kl and --mix were given: passages of general text are not mixed into the steps with --kl; expected one of the two',
    );
  refuseTargets(continued.architecture, targets);
  const finetunes = request.mode === 'finetune' || request.mode === 'partial';
  return plan(request, trainingRows, { ...continued, finetunes });
}

/** lr_s = lr · min(1, (s + 1) / warm-up), then linearly to zero over the last steps. @param step counted from 0 */
export function learningRateAt({ learningRate, warmupSteps, decaySteps, steps }: TrainingPlan, step: number): number {
  const warm = warmupSteps === 0 ? 1 : Math.min(1, (step + 1) / warmupSteps);
  const left = decaySteps === 0 ? 1 : Math.min(1, (steps - step) / (decaySteps + 1));
  return learningRate * Math.min(warm, left);
}

/** λ of a step. @param step counted from 0 */
export function sparsityCoefficientAt({ sparsity, sparsityWarmupSteps }: TrainingPlan, step: number): number {
  if (sparsity.kind === 'none') return 0;
  return sparsity.coefficient * (sparsityWarmupSteps === 0 ? 1 : Math.min(1, (step + 1) / sparsityWarmupSteps));
}
