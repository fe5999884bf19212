/** The training loop: rows → engine → objective → engine, with its schedule, its revival of dead features, its checkpoints and its history. */
import { setImmediate } from 'node:timers/promises';
import type { EngineTrainer, ForwardResult } from '../compute/engine.ts';
import { DeviceLostError } from '../compute/device-lost.ts';
import { Interrupted, WorkError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { TrainingPoint } from '../foundation/training-point.ts';
import { prefixWidths } from '../sae/architectures/matryoshka.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import { randomFor, type Batch, type RowSource } from './batches.ts';
import { writeCheckpoint, type CheckpointProgress } from './checkpoint.ts';
import type { EndToEnd, OutsideLoss } from './end-to-end.ts';
import type { History } from './history.ts';
import type { FrozenDictionary } from './residual-dictionary.ts';
import { tiltRampAt, weighLosses, type BatchPlace, type WeighedLosses } from './objective.ts';
import { resampleDead } from './resample.ts';
import { stateAccessOf } from './state-access.ts';
import { addTargetL0 } from './target-l0.ts';
import { nextThreshold } from './threshold-average.ts';
import { takeStep } from './training-step.ts';
import { learningRateAt, sparsityCoefficientAt, type TrainingPlan } from './training-plan.ts';

const REPORT_MILLISECONDS = 100;
const MAX_STORED_TIMES = 2000;

export interface TrainingRun {
  readonly plan: TrainingPlan;
  readonly trainer: EngineTrainer;
  readonly rows: RowSource;
  /** The general dictionary whose errors a residual one is trained on; null where rows are reconstructed. */
  readonly frozen: FrozenDictionary | null;
  /** The steps that have the model's divergence in their loss; null where none has. */
  readonly endToEnd: EndToEnd | null;
  /** Factors that activations and targets are multiplied by. */
  readonly scale: ActivationScale;
  /** Moving average that a checkpoint, or the dictionary training started from, brings along. */
  readonly threshold: number | null;
  readonly history: History;
  /** Steps that a checkpoint has already done, the seconds they took, and the latest of them one by one. */
  readonly stepsDone: number;
  readonly secondsDone: number;
  readonly millisecondsDone: readonly number[];
  readonly checkpoint: {
    readonly path: string;
    readonly everySteps: number;
    /** What the run is of, to recognise it again. */
    readonly run: CheckpointProgress['run'];
    readonly engineChanges: CheckpointProgress['engineChanges'];
  };
}

export interface TrainedRun {
  /** {@link nextThreshold}, on scaled activations; null where the architecture has none. */
  readonly threshold: number | null;
  readonly seconds: number;
  /** Of the latest steps, from the batch in memory to the updated parameters. */
  readonly stepMilliseconds: Float64Array;
}

/**
 * 1 − Σ‖x−x̂‖² / Σ‖x−x̄‖² over one batch; null where all its rows are equal.
 * @param targets [tokens, width] @param reconstruction [tokens] squared errors, summed over so many `levels` of reconstruction
 */
function batchExplainedVariance(
  targets: Float32Array,
  width: number,
  reconstruction: Float64Array,
  levels: number,
): number | null {
  const tokens = targets.length / width;
  const mean = new Float64Array(width);
  for (let at = 0; at < targets.length; at += width)
    for (let i = 0; i < width; i++) mean[i]! += targets[at + i]! / tokens;
  let variance = 0;
  for (let at = 0; at < targets.length; at += width)
    for (let i = 0; i < width; i++) variance += (targets[at + i]! - mean[i]!) ** 2;
  const error = reconstruction.reduce((sum, value) => sum + value, 0) / levels;
  return variance === 0 ? null : 1 - error / variance;
}

function refuseUnstable(loss: number, step: number, { rows, isGeneral }: Batch, losses: Float64Array): void {
  if (Number.isFinite(loss)) return;
  const token = losses.findIndex((value) => !Number.isFinite(value));
  const where =
    token < 0
      ? ''
      : `; the first of its tokens with such a loss is row ${rows[token]} of the ${isGeneral?.[token] === 1 ? 'general text mixed in' : 'activations'}`;
  throw new WorkError(
    `the loss of step ${step} is ${loss} (batch of ${rows.length} rows)${where}. Training stopped and the last good checkpoint is kept: lower the learning rate, or clip gradients`,
  );
}

export function resumeHint(steps: number, plan: TrainingPlan): string {
  return `${steps} of ${plan.steps} steps are done and stored; repeat the command with --resume to go on`;
}

/** Prefixes of a step, drawn from the seed and the step alone; none where there are no levels. @param step counted from 0 */
function widthsAt({ prefixes, seed, shape }: TrainingPlan, step: number): readonly number[] {
  return prefixes === null ? [] : prefixWidths(prefixes, shape.dSae, randomFor(seed, 'prefixes', step));
}

function weigh(
  { objective, sparsity }: TrainingPlan,
  forward: ForwardResult,
  coefficient: number,
  place: BatchPlace,
): WeighedLosses {
  if (sparsity.kind !== 'target_l0') return weighLosses(objective, forward.reconstruction, forward.sparsity, place);
  const none = new Float64Array(forward.sparsity.length);
  const weighed = weighLosses(objective, forward.reconstruction, none, place);
  return addTargetL0(weighed, forward.sparsity, sparsity.target, coefficient);
}

class Loop {
  readonly #run: TrainingRun;
  readonly #control: JobControl;
  readonly #milliseconds: number[];
  #steps: number;
  #seconds: number;
  #reported = 0;
  #checkpointed: number;
  #threshold: number | null;

  constructor(run: TrainingRun, control: JobControl) {
    this.#run = run;
    this.#control = control;
    this.#steps = run.stepsDone;
    this.#checkpointed = run.stepsDone;
    this.#seconds = run.secondsDone;
    this.#milliseconds = [...run.millisecondsDone];
    this.#threshold = run.threshold;
  }

  async toEnd(): Promise<TrainedRun> {
    try {
      return await this.#train();
    } catch (error) {
      throw error instanceof DeviceLostError ? new DeviceLostError(error.reason, this.#steps + 1) : error;
    }
  }

  async #train(): Promise<TrainedRun> {
    const { plan, checkpoint } = this.#run;
    while (this.#steps < plan.steps) {
      await this.#stopIfAsked();
      await this.#step();
      if (this.#steps % checkpoint.everySteps === 0 || this.#steps === plan.steps) await this.#save();
    }
    return {
      threshold: this.#threshold,
      seconds: this.#seconds,
      stepMilliseconds: Float64Array.from(this.#milliseconds),
    };
  }

  async #stopIfAsked(): Promise<void> {
    await setImmediate(); // Lets a request to stop arrive.
    if (!this.#control.signal.aborted) return;
    if (this.#checkpointed < this.#steps) await this.#save();
    throw new Interrupted(this.#steps === 0 ? null : resumeHint(this.#steps, this.#run.plan));
  }

  async #save(): Promise<void> {
    const { trainer, rows, scale, history, checkpoint } = this.#run;
    await writeCheckpoint(checkpoint.path, trainer, {
      ...{ scale, threshold: this.#threshold, run: checkpoint.run, steps: this.#steps },
      ...{ position: rows.position, seconds: this.#seconds, history: [...history.points] },
      milliseconds: this.#milliseconds.slice(-MAX_STORED_TIMES),
      engineChanges: checkpoint.engineChanges,
    });
    this.#checkpointed = this.#steps;
  }

  async #step(): Promise<void> {
    const { plan, trainer, rows, scale, frozen, endToEnd } = this.#run;
    const step = this.#steps + 1;
    const passages = (await endToEnd?.deal(this.#steps)) ?? null;
    const batch = passages?.batch ?? (await rows.deal(plan.batch, scale, step));
    const began = performance.now();
    const learningRate = learningRateAt(plan, this.#steps);
    const coefficient = sparsityCoefficientAt(plan, this.#steps);
    const widths = widthsAt(plan, this.#steps);
    const { inputs, targets } = (await frozen?.problem(batch.values)) ?? {
      inputs: batch.values,
      targets: batch.targets,
    };
    const place = { ramp: tiltRampAt(plan.objective, this.#steps), passages: batch.passages };
    const { auxiliary, microBatch = null, sparsity } = plan;
    const levels = Math.max(1, widths.length);
    const outside = (residuals: Float32Array, losses: ForwardResult): Promise<OutsideLoss> =>
      endToEnd!.loss(passages!, residuals, losses, levels);
    const problem = {
      outside: passages === null ? null : outside,
      // Counts of active features, which the batch's penalty weighs.
      forward: { sparsityCoefficient: sparsity.kind === 'target_l0' ? 1 : coefficient, widths },
      step: { ...plan.adam, learningRate, auxiliary },
      isEven: plan.objective.kind === 'erm' && sparsity.kind !== 'target_l0',
      weigh: (losses: ForwardResult): WeighedLosses => {
        const weighed = weigh(plan, losses, coefficient, place);
        refuseUnstable(weighed.loss, step, batch, losses.reconstruction);
        return weighed;
      },
    };
    const taken = await takeStep(trainer, { inputs, targets, ...problem }, microBatch);
    const { forward, weighed, auxiliaryLoss, dead, divergence } = taken;
    const elapsed = performance.now() - began;
    refuseUnstable(auxiliaryLoss + (divergence ?? 0), step, batch, forward.reconstruction);
    this.#milliseconds.push(elapsed);
    this.#seconds += elapsed / 1000;
    this.#steps = step;
    const rate = plan.thresholdRate;
    if (rate !== null) this.#threshold = nextThreshold(this.#threshold, forward.smallest, rate);
    const deadShare = auxiliary === null ? null : dead / plan.shape.dSae;
    const loss = weighed.loss + auxiliaryLoss;
    this.#note({ batch, forward, weighed, levels, loss, divergence, deadShare, learningRate });
    await this.#resample(frozen === null ? batch.values : (targets ?? inputs), forward);
  }

  #note(done: {
    readonly batch: Batch;
    readonly forward: ForwardResult;
    readonly weighed: WeighedLosses;
    readonly levels: number;
    readonly loss: number;
    readonly divergence: number | null;
    readonly deadShare: number | null;
    readonly learningRate: number;
  }): void {
    const { plan, history } = this.#run;
    const { batch, forward, levels, loss, divergence, deadShare, learningRate } = done;
    const { effectiveSampleSize, tilt } = done.weighed;
    const l0 = forward.active / plan.batch;
    const now = performance.now();
    const reports = now - this.#reported >= REPORT_MILLISECONDS || this.#steps === plan.steps;
    if (!reports && !history.wants(this.#steps)) return;
    const targets = batch.targets ?? batch.values;
    const explainedVariance = batchExplainedVariance(targets, plan.shape.dOut, forward.reconstruction, levels);
    const point: TrainingPoint = {
      ...{ step: this.#steps, loss, effectiveSampleSize, tilt, l0, explainedVariance, deadShare, learningRate },
      ...(divergence === null ? {} : { divergence }),
      batch: plan.batch,
    };
    history.record(point);
    if (!reports) return;
    this.#reported = now;
    const recent = this.#milliseconds.slice(-20);
    const rate = (1000 * plan.batch * recent.length) / recent.reduce((sum, value) => sum + value, 0);
    this.#control.report({
      ...{ stage: 'training', done: this.#steps, total: plan.steps, unit: 'steps' },
      note: `loss ${loss.toPrecision(4)}${divergence === null ? '' : ` · KL ${divergence.toPrecision(3)}`} · L0 ${l0.toFixed(1)} · ESS ${effectiveSampleSize.toFixed(0)} of ${plan.batch} · ${Math.round(rate).toLocaleString('en-US')} tokens/s`,
      point,
    });
  }

  async #resample(targets: Float32Array, { reconstruction }: ForwardResult): Promise<void> {
    const { plan, trainer } = this.#run;
    if (plan.resampling?.after.includes(this.#steps) !== true) return;
    const random = randomFor(plan.seed, 'resample', this.#steps);
    const { deadAfterTokens } = plan.resampling;
    await resampleDead(plan.shape, await stateAccessOf(trainer), deadAfterTokens, targets, reconstruction, random);
  }
}

/**
 * Trains to the plan's last step.
 * @throws WorkError when the loss is no longer finite or a checkpoint cannot be written; the last good checkpoint stays
 * @throws DeviceLostError naming the step
 * @throws Interrupted once asked to stop, after a checkpoint
 */
export async function runTraining(run: TrainingRun, control: JobControl): Promise<TrainedRun> {
  return new Loop(run, control).toEnd();
}
