/** The training loop: rows → engine → objective → engine, with its schedule, its revival of dead features, its checkpoints and its history. */
import { setImmediate } from 'node:timers/promises';
import type { EngineTrainer, ForwardResult, TrainingState } from '../compute/engine.ts';
import { Interrupted, WorkError } from '../foundation/errors.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { TrainingPoint } from '../foundation/training-point.ts';
import type { BatchFeed } from './batch-feed.ts';
import { randomFor, type Batch } from './batches.ts';
import { writeCheckpoint, type CheckpointProgress } from './checkpoint.ts';
import type { History } from './history.ts';
import { weighLosses, type WeighedLosses } from './objective.ts';
import { resampleDead } from './resample.ts';
import { learningRateAt, sparsityCoefficientAt, type TrainingPlan } from './training-plan.ts';

const REPORT_MILLISECONDS = 100;
const MAX_STORED_TIMES = 2000;

export interface TrainingRun {
  readonly plan: TrainingPlan;
  readonly trainer: EngineTrainer;
  readonly rows: BatchFeed;
  /** Factor activations are multiplied by. */
  readonly scale: number;
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
  };
}

export interface TrainedRun {
  readonly state: TrainingState;
  readonly seconds: number;
  /** Of the latest steps, from the batch in memory to the updated parameters. */
  readonly stepMilliseconds: Float64Array;
}

/** 1 − Σ‖x−x̂‖² / Σ‖x−x̄‖² over one batch [tokens, d_in]; null where all its rows are equal. */
function batchExplainedVariance(batch: Float32Array, dIn: number, reconstruction: Float64Array): number | null {
  const tokens = batch.length / dIn;
  const mean = new Float64Array(dIn);
  for (let at = 0; at < batch.length; at += dIn) for (let i = 0; i < dIn; i++) mean[i]! += batch[at + i]! / tokens;
  let variance = 0;
  for (let at = 0; at < batch.length; at += dIn)
    for (let i = 0; i < dIn; i++) variance += (batch[at + i]! - mean[i]!) ** 2;
  return variance === 0 ? null : 1 - reconstruction.reduce((sum, value) => sum + value, 0) / variance;
}

function refuseUnstable(loss: number, step: number, { rows }: Batch, losses: Float64Array): void {
  if (Number.isFinite(loss)) return;
  const token = losses.findIndex((value) => !Number.isFinite(value));
  const where = token < 0 ? '' : `; the first of its tokens with such a loss is row ${rows[token]} of the activations`;
  throw new WorkError(
    `the loss of step ${step} is ${loss} (batch of ${rows.length} rows)${where}. Training stopped and the last good checkpoint is kept: lower the learning rate, or clip gradients`,
  );
}

export function resumeHint(steps: number, plan: TrainingPlan): string {
  return `${steps} of ${plan.steps} steps are done and stored; repeat the command with --resume to go on`;
}

class Loop {
  readonly #run: TrainingRun;
  readonly #control: JobControl;
  readonly #milliseconds: number[];
  #steps: number;
  #seconds: number;
  #reported = 0;
  #checkpointed: number;

  constructor(run: TrainingRun, control: JobControl) {
    this.#run = run;
    this.#control = control;
    this.#steps = run.stepsDone;
    this.#checkpointed = run.stepsDone;
    this.#seconds = run.secondsDone;
    this.#milliseconds = [...run.millisecondsDone];
  }

  async toEnd(): Promise<TrainedRun> {
    const { plan, checkpoint } = this.#run;
    while (this.#steps < plan.steps) {
      await this.#stopIfAsked();
      await this.#step();
      if (this.#steps % checkpoint.everySteps === 0 || this.#steps === plan.steps) await this.#save();
    }
    const state = await this.#run.trainer.state();
    return { state, seconds: this.#seconds, stepMilliseconds: Float64Array.from(this.#milliseconds) };
  }

  async #stopIfAsked(): Promise<void> {
    await setImmediate(); // Lets a request to stop arrive.
    if (!this.#control.signal.aborted) return;
    if (this.#checkpointed < this.#steps) await this.#save();
    throw new Interrupted(this.#steps === 0 ? null : resumeHint(this.#steps, this.#run.plan));
  }

  async #save(): Promise<void> {
    const { trainer, rows, scale, history, checkpoint } = this.#run;
    const state = await trainer.state();
    await writeCheckpoint(checkpoint.path, trainer.shape, {
      ...{ state, scale, run: checkpoint.run, steps: this.#steps, adamSteps: state.steps },
      ...{ position: rows.position, seconds: this.#seconds, history: [...history.points] },
      milliseconds: this.#milliseconds.slice(-MAX_STORED_TIMES),
    });
    this.#checkpointed = this.#steps;
  }

  async #step(): Promise<void> {
    const { plan, trainer, rows, scale } = this.#run;
    const step = this.#steps + 1;
    const batch = await rows.deal(plan.batch, scale, step);
    const began = performance.now();
    const learningRate = learningRateAt(plan, this.#steps);
    const forward = await trainer.forward(batch.values, sparsityCoefficientAt(plan, this.#steps));
    const weighed = weighLosses(plan.objective, forward.reconstruction, forward.sparsity);
    refuseUnstable(weighed.loss, step, batch, forward.reconstruction);
    const { auxiliary } = plan;
    const { auxiliaryLoss, dead } = await trainer.backward(weighed.weights, { ...plan.adam, learningRate, auxiliary });
    const elapsed = performance.now() - began;
    refuseUnstable(auxiliaryLoss, step, batch, forward.reconstruction);
    this.#milliseconds.push(elapsed);
    this.#seconds += elapsed / 1000;
    this.#steps = step;
    const deadShare = auxiliary === null ? null : dead / plan.shape.dSae;
    this.#note({ batch, forward, weighed, loss: weighed.loss + auxiliaryLoss, deadShare, learningRate });
    await this.#resample(batch, forward);
  }

  #note(done: {
    readonly batch: Batch;
    readonly forward: ForwardResult;
    readonly weighed: WeighedLosses;
    readonly loss: number;
    readonly deadShare: number | null;
    readonly learningRate: number;
  }): void {
    const { plan, history } = this.#run;
    const { batch, forward, loss, deadShare, learningRate } = done;
    const { effectiveSampleSize } = done.weighed;
    const l0 = forward.active / plan.batch;
    const now = performance.now();
    const reports = now - this.#reported >= REPORT_MILLISECONDS || this.#steps === plan.steps;
    if (!reports && !history.wants(this.#steps)) return;
    const explainedVariance = batchExplainedVariance(batch.values, plan.shape.dIn, forward.reconstruction);
    const point: TrainingPoint = {
      ...{ step: this.#steps, loss, effectiveSampleSize, l0, explainedVariance, deadShare, learningRate },
      batch: plan.batch,
    };
    history.record(point);
    if (!reports) return;
    this.#reported = now;
    const recent = this.#milliseconds.slice(-20);
    const rate = (1000 * plan.batch * recent.length) / recent.reduce((sum, value) => sum + value, 0);
    this.#control.report({
      ...{ stage: 'training', done: this.#steps, total: plan.steps, unit: 'steps' },
      note: `loss ${loss.toPrecision(4)} · L0 ${l0.toFixed(1)} · ESS ${effectiveSampleSize.toFixed(0)} of ${plan.batch} · ${Math.round(rate).toLocaleString('en-US')} tokens/s`,
      point,
    });
  }

  async #resample(batch: Batch, { reconstruction }: ForwardResult): Promise<void> {
    const { plan, trainer } = this.#run;
    if (plan.resampling?.after.includes(this.#steps) !== true) return;
    const random = randomFor(plan.seed, 'resample', this.#steps);
    const { deadAfterTokens } = plan.resampling;
    const state = await trainer.state();
    const revived = resampleDead(plan.shape, state, deadAfterTokens, batch.values, reconstruction, random);
    if (revived > 0) await trainer.restore(state);
  }
}

/**
 * Trains to the plan's last step.
 * @throws WorkError when the loss is no longer finite or a checkpoint cannot be written; the last good checkpoint stays
 * @throws Interrupted once asked to stop, after a checkpoint
 */
export async function runTraining(run: TrainingRun, control: JobControl): Promise<TrainedRun> {
  return new Loop(run, control).toEnd();
}
