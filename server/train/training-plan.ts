/** Everything a run's arithmetic depends on, with every default filled in. Two equal plans on equal data give equal bytes. */
import type { AuxiliaryLoss, EngineShape, StepSettings } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { FinetuneRequest, Objective, TrainRequest } from '../protocol/requests.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { residualShape } from './residual-dictionary.ts';

export interface TrainingPlan {
  readonly shape: EngineShape;
  readonly objective: Objective;
  readonly seed: number;
  readonly steps: number;
  /** Tokens a step. */
  readonly batch: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Steps at the end over which the learning rate falls to zero. */
  readonly decaySteps: number;
  readonly adam: Pick<StepSettings, 'beta1' | 'beta2' | 'epsilon' | 'maxGradientNorm'>;
  /** λ at its full height, reached after `sparsityWarmupSteps`. */
  readonly sparsityCoefficient: number;
  readonly sparsityWarmupSteps: number;
  readonly auxiliary: AuxiliaryLoss | null;
  readonly resampling: ResamplingPlan | null;
}

export interface ResamplingPlan {
  /** Steps after which dead features are re-initialised. */
  readonly after: readonly number[];
  readonly deadAfterTokens: number;
}

/**
 * TopK: 2e-4 / √(n / 2¹⁴), the scaling of 2406.04093 with the constant of dictionary_learning. ReLU: SAELens' 3e-4 scaled alike, at most
 * 1e-3 (dictionary_learning's default). Finetuning takes a third: the dictionary is to move, not to start over.
 */
function defaultLearningRate(shape: EngineShape, finetunes: boolean): number {
  const widths = Math.sqrt(shape.dSae / 2 ** 14);
  const rate = shape.architecture.kind === 'topk' ? 2e-4 / widths : Math.min(1e-3, 3e-4 / widths);
  return finetunes ? rate / 3 : rate;
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
    normalised: true,
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

/** One visit of every row, and at least 1,000 steps unless that were more than 20 visits. */
function defaultTokens(trainingRows: number, batch: number): number {
  return Math.max(trainingRows, Math.min(1000 * batch, 20 * trainingRows));
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

interface Choices {
  readonly shape: EngineShape;
  readonly finetunes: boolean;
  readonly sparsityCoefficient: number;
  readonly auxiliaryLoss: boolean;
  readonly resampling: boolean;
}

function plan(request: TrainRequest | FinetuneRequest, trainingRows: number, choices: Choices): TrainingPlan {
  const { shape, finetunes, sparsityCoefficient } = choices;
  const { optimizer, objective, seed } = request;
  const batch = Math.min(request.batch, trainingRows);
  const steps = Math.ceil((request.tokens ?? defaultTokens(trainingRows, batch)) / batch);
  refuseSmallSample(objective, batch);
  const { beta1, beta2, epsilon, maxGradientNorm } = optimizer;
  return {
    ...{ shape, objective, seed, steps, batch },
    learningRate: optimizer.learningRate ?? defaultLearningRate(shape, finetunes),
    // dictionary_learning warms up for 1,000 steps; a run of fewer than 20,000 for a twentieth of it.
    warmupSteps: optimizer.warmupSteps ?? Math.min(1000, Math.floor(steps / 20)),
    decaySteps: Math.floor(steps * optimizer.decayShare),
    adam: { beta1, beta2, epsilon, maxGradientNorm },
    sparsityCoefficient,
    // Anthropic, April 2024: λ grows over the first 5 % of training. A finetuned dictionary is sparse already.
    sparsityWarmupSteps: finetunes ? 0 : Math.floor(steps / 20),
    auxiliary: choices.auxiliaryLoss ? auxiliaryLoss(shape, steps, batch) : null,
    resampling: choices.resampling ? resamplingPlan(steps, batch) : null,
  };
}

/**
 * TopK keeps decoder rows at norm 1 (2406.04093), relu with the `plain` penalty too (Bricken et al. 2023); the penalty weighted by
 * decoder norms needs no constraint (Anthropic, April 2024).
 */
export function planTraining(request: TrainRequest, dIn: number, trainingRows: number): TrainingPlan {
  const { architecture, dSae } = request;
  const isTopK = architecture.kind === 'topk';
  if (isTopK && architecture.k > dSae)
    throw new UsageError(
      `--k is ${architecture.k} and --d-sae is ${dSae}; a token cannot have more active features than there are: lower --k or raise --d-sae`,
    );
  return plan(request, trainingRows, {
    shape: {
      ...{ dIn, dSae, applyDecoderBiasToInput: true },
      architecture: isTopK ? { kind: 'topk', k: architecture.k } : { kind: 'relu', penalty: architecture.penalty },
      unitNormDecoder: isTopK || architecture.penalty === 'plain',
    },
    finetunes: false,
    sparsityCoefficient: isTopK ? 0 : architecture.l1,
    auxiliaryLoss: isTopK && architecture.auxiliaryLoss,
    resampling: !isTopK && architecture.resampling,
  });
}

/** Finetuning never resamples: a feature that is silent in the domain is still the general dictionary's. */
export function planFinetuning(request: FinetuneRequest, from: Dictionary, trainingRows: number): TrainingPlan {
  const { architecture } = from.shape;
  const isTopK = architecture.kind === 'topk';
  const finetunes = request.mode === 'finetune' || request.mode === 'partial';
  const l1 = request.l1 ?? from.sparsityCoefficient;
  if (!isTopK && l1 === undefined)
    throw new UsageError(`--l1 is missing: the dictionary "${from.name}" does not say what it was trained with`);
  return plan(request, trainingRows, {
    shape: finetunes
      ? from.shape
      : request.mode === 'residual'
        ? residualShape(from, request.residualFeatures)
        : {
            ...from.shape,
            applyDecoderBiasToInput: true,
            unitNormDecoder: isTopK || architecture.penalty === 'plain',
          },
    finetunes,
    sparsityCoefficient: isTopK ? 0 : l1!,
    auxiliaryLoss: isTopK,
    resampling: !isTopK && !finetunes,
  });
}

/** lr_s = lr · min(1, (s + 1) / warm-up), then linearly to zero over the last steps. @param step counted from 0 */
export function learningRateAt({ learningRate, warmupSteps, decaySteps, steps }: TrainingPlan, step: number): number {
  const warm = warmupSteps === 0 ? 1 : Math.min(1, (step + 1) / warmupSteps);
  const left = decaySteps === 0 ? 1 : Math.min(1, (steps - step) / (decaySteps + 1));
  return learningRate * Math.min(warm, left);
}

/** @param step counted from 0 */
export function sparsityCoefficientAt(
  { sparsityCoefficient, sparsityWarmupSteps }: TrainingPlan,
  step: number,
): number {
  return sparsityCoefficient * (sparsityWarmupSteps === 0 ? 1 : Math.min(1, (step + 1) / sparsityWarmupSteps));
}
