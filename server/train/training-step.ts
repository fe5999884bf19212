/** One step of training, over a batch as a whole or in pieces. */
import type {
  Accumulation,
  EngineTrainer,
  ForwardResult,
  ForwardSettings,
  OutputSlopes,
  StepSettings,
} from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import type { OutsideLoss } from './end-to-end.ts';
import type { WeighedLosses } from './objective.ts';

export interface StepProblem {
  /** [tokens, d_in] */
  readonly inputs: Float32Array;
  /** [tokens, d_out] what is reconstructed; null: the inputs */
  readonly targets: Float32Array | null;
  readonly forward: Omit<ForwardSettings, 'targets'>;
  readonly step: StepSettings;
  /** Every token weighs the same, whatever the losses are. */
  readonly isEven: boolean;
  /** Weights and loss of the whole batch. @throws WorkError where the loss is not finite */
  readonly weigh: (forward: ForwardResult) => WeighedLosses;
  /** A loss of x̂ beside the engine's own, of a batch that is held at once. @param residuals x̂ − y, [tokens, d_out] */
  readonly outside: ((residuals: Float32Array, forward: ForwardResult) => Promise<OutsideLoss>) | null;
}

export interface StepOutcome {
  /** Of the whole batch. */
  readonly forward: ForwardResult;
  readonly weighed: WeighedLosses;
  readonly auxiliaryLoss: number;
  readonly dead: number;
  /** Of the loss from outside; null without. */
  readonly divergence: number | null;
}

/**
 * @param microBatch tokens that the engine is given at once; null for all. The step is that of the whole batch up to the rounding of sums:
 *   weights are of all losses, so unless tokens weigh alike and there is no AuxK, every piece passes forward twice.
 * @throws UsageError where the engine takes whole batches only
 */
export async function takeStep(
  trainer: EngineTrainer,
  problem: StepProblem,
  microBatch: number | null,
): Promise<StepOutcome> {
  const tokens = problem.inputs.length / trainer.shape.dIn;
  if (microBatch !== null && microBatch < tokens) return new PieceStep(trainer, problem, tokens, microBatch).take();
  const { inputs, targets, step, outside } = problem;
  const forward = await trainer.forward(inputs, { ...problem.forward, targets });
  const weighed = problem.weigh(forward);
  if (outside === null) {
    const { auxiliaryLoss, dead } = await trainer.backward(weighed.weights, step);
    return { forward, weighed, auxiliaryLoss, dead, divergence: null };
  }
  const output = outputSlopesOf(trainer);
  const { divergence, slopes } = await outside(await output.residuals(), forward);
  const { auxiliaryLoss, dead } = await output.backward(weighed.weights, step, slopes);
  return { forward, weighed, auxiliaryLoss, dead, divergence };
}

/** @throws UsageError where the engine knows no loss but its own */
export function outputSlopesOf({ outputSlopes }: EngineTrainer): OutputSlopes {
  if (outputSlopes !== undefined) return outputSlopes;
  throw new UsageError(
    '--kl was given, and the engine that was chosen takes no slopes from outside; expected --engine cpu, wasm or tensorflow, or no --kl',
  );
}

/** @throws UsageError where the engine takes whole batches only */
export function accumulationOf({ accumulation }: EngineTrainer): Accumulation {
  if (accumulation !== undefined) return accumulation;
  throw new UsageError(
    '--micro-batch was given, and the engine that was chosen takes whole batches only; expected --engine cpu or wasm, or no --micro-batch',
  );
}

class PieceStep {
  readonly #trainer: EngineTrainer;
  readonly #accumulation: Accumulation;
  readonly #problem: StepProblem;
  readonly #tokens: number;
  readonly #starts: readonly number[];
  readonly #size: number;
  readonly #reconstruction: Float64Array;
  readonly #sparsity: Float64Array;
  #active = 0;

  constructor(trainer: EngineTrainer, problem: StepProblem, tokens: number, size: number) {
    this.#trainer = trainer;
    this.#accumulation = accumulationOf(trainer);
    this.#problem = problem;
    this.#tokens = tokens;
    this.#size = size;
    this.#starts = Array.from({ length: Math.ceil(tokens / size) }, (_, index) => index * size);
    this.#reconstruction = new Float64Array(tokens);
    this.#sparsity = new Float64Array(tokens);
  }

  async take(): Promise<StepOutcome> {
    const { step, isEven } = this.#problem;
    const weighed = isEven && step.auxiliary === null ? await this.#onePass() : await this.#twoPasses();
    const { auxiliaryLoss, dead } = await this.#accumulation.apply(step);
    return { forward: this.#whole(), weighed, auxiliaryLoss, dead, divergence: null };
  }

  async #onePass(): Promise<WeighedLosses> {
    const even = new Float64Array(this.#tokens).fill(1 / this.#tokens);
    for (const first of this.#starts) {
      await this.#forward(first);
      await this.#accumulate(first, { reconstruction: even, sparsity: even });
    }
    return this.#problem.weigh(this.#whole());
  }

  /** The last piece is still there when the second pass begins, which therefore begins with it. */
  async #twoPasses(): Promise<WeighedLosses> {
    for (const first of this.#starts) {
      await this.#forward(first);
      if (this.#problem.step.auxiliary !== null) await this.#accumulation.survey();
    }
    const weighed = this.#problem.weigh(this.#whole());
    const last = this.#starts.at(-1)!;
    await this.#accumulate(last, weighed.weights);
    for (const first of this.#starts.slice(0, -1)) {
      await this.#trainer.forward(...this.#pieceAt(first));
      await this.#accumulate(first, weighed.weights);
    }
    return weighed;
  }

  #pieceAt(first: number): [Float32Array, ForwardSettings] {
    const { inputs, targets, forward } = this.#problem;
    const { dIn, dOut } = this.#trainer.shape;
    const end = first + this.#size;
    return [
      inputs.subarray(first * dIn, end * dIn),
      { ...forward, targets: targets?.subarray(first * dOut, end * dOut) ?? null },
    ];
  }

  async #forward(first: number): Promise<void> {
    const { reconstruction, sparsity, active } = await this.#trainer.forward(...this.#pieceAt(first));
    this.#reconstruction.set(reconstruction, first);
    this.#sparsity.set(sparsity, first);
    this.#active += active;
  }

  #accumulate(first: number, { reconstruction, sparsity }: WeighedLosses['weights']): Promise<void> {
    const end = first + this.#size;
    const weights = {
      reconstruction: reconstruction.subarray(first, end),
      sparsity: sparsity.subarray(first, end),
    };
    return this.#accumulation.accumulate(weights, this.#problem.step, this.#tokens);
  }

  #whole(): ForwardResult {
    return { reconstruction: this.#reconstruction, sparsity: this.#sparsity, active: this.#active, smallest: null };
  }
}
