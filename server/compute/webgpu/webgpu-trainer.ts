import { checkBatch, checkSettings, checkState, checkTrained, checkWeights, requireFinite } from '../engine-checks.ts';
import {
  buildParameters,
  type BackwardResult,
  type DictionaryParameters,
  type EngineTrainer,
  type ForwardResult,
  type ForwardSettings,
  type SparseFeatures,
  type StepSettings,
  type TokenWeights,
  type TrainingState,
} from '../engine.ts';
import { UsageError } from '../../foundation/errors.ts';
import { deadListOf, recordAuxiliary, type Source } from './auxiliary.ts';
import {
  centre,
  decodedOf,
  elementGroups,
  finishForward,
  gateResidualsOf,
  levelRanges,
  residualsOf,
  squareRows,
  uploadBatch,
  type Batch,
} from './forward.ts';
import { readGradient, recordShared, recordSums, type Descent } from './gradient.ts';
import { SILENCE } from './kernels/auxiliary.ts';
import { driveKernel, PULL } from './kernels/drive.ts';
import { TOUCH } from './kernels/gradient.ts';
import { movingFeatures } from './parameters.ts';
import type { Rows } from './rows.ts';
import { transpose } from './transposing.ts';
import { recordClip, recordUpdate, type Movement } from './update.ts';
import { WebGpuDictionary, type WebGpuResources } from './webgpu-dictionary.ts';

/** The batch that `backward` belongs to. */
interface Forwarded {
  readonly batch: Batch;
  readonly rows: Rows;
  readonly room: number;
}

/** Counts on the GPU have 32 bits. */
const MAX_SINCE_FIRED = 0xffffffff;

/** A dictionary in training. Arguments must not change until the call's promise settles. */
export class WebGpuTrainer extends WebGpuDictionary implements EngineTrainer {
  #steps = 0;
  #forwarded: Forwarded | null = null;
  #isPartial = false;

  constructor(resources: WebGpuResources) {
    super(resources);
    this.held.recorder.write(this.#movement().trained, new Uint32Array(this.shape.dSae).fill(1));
  }

  #vector(name: string): GPUBuffer {
    return this.held.memory.room(name, this.shape.dSae);
  }

  #movement(): Movement {
    return {
      moving: this.#vector('moving features'),
      trained: this.#vector('trained features'),
      control: this.held.memory.room('control', 4),
    };
  }

  forward(batch: Float32Array, settings: ForwardSettings): Promise<ForwardResult> {
    return this.enqueue(async () => {
      this.#forwarded = null;
      const state = this.held;
      const tokens = checkBatch(this.shape, batch, settings);
      requireFinite(batch, this.shape.dIn);
      const uploaded = uploadBatch(state, batch, settings);
      state.derive(true);
      centre(state, uploaded);
      let room = 0;
      const { rows, smallest, beside } = await this.selector.run(tokens, uploaded.z, true, (found, entries) => {
        room = entries;
        const losses = finishForward(state, uploaded, found, entries);
        return [
          [losses.reconstruction, tokens * 4],
          [losses.penalties, tokens * 8],
        ];
      });
      this.#forwarded = { batch: uploaded, rows, room };
      const penalties = new Float32Array(beside[1]!);
      const active = penalties.reduce((sum, value, index) => sum + (index % 2 === 1 ? value : 0), 0);
      return {
        reconstruction: Float64Array.from(new Float32Array(beside[0]!)),
        sparsity: Float64Array.from({ length: tokens }, (_, token) => penalties[2 * token]!),
        ...{ active, smallest },
      };
    });
  }

  trainOnly(features: Uint8Array | null): Promise<void> {
    return this.enqueue(() => {
      if (features !== null) checkTrained(this.shape, features);
      const flags = features === null ? new Uint32Array(this.shape.dSae).fill(1) : Uint32Array.from(features);
      this.held.recorder.write(this.#movement().trained, flags);
      this.#isPartial = features !== null;
      return Promise.resolve();
    });
  }

  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult> {
    return this.enqueue(async () => {
      const state = this.held;
      const movement = this.#movement();
      const descent = this.#descend('backward', weights, settings);
      const { maxGradientNorm, learningRate, beta1, beta2, epsilon } = settings;
      const { tokens } = descent.batch;
      if (maxGradientNorm !== null) recordClip(state, descent, movement, maxGradientNorm);
      const step = this.#steps + 1;
      recordUpdate(state, descent, movement, {
        ...{ beta1, beta2, epsilon, rest1: 1 - beta1, rest2: 1 - beta2 },
        stepSize: learningRate / (1 - beta1 ** step),
        root: 1 / Math.sqrt(1 - beta2 ** step),
      });
      state.recorder.copy(this.#vector('silent'), this.#vector('since fired'), this.shape.dSae * 4);
      const gateSquares = this.#squareGate(tokens);
      const [control, dead, gate] = await state.recorder.read(
        [movement.control, 16],
        [deadListOf(state), 4],
        [gateSquares, gateSquares === movement.control ? 0 : tokens * 4],
      );
      this.#forwarded = null;
      this.#steps++;
      const [, norm, auxiliaryLoss] = new Float32Array(control!);
      const gateLoss = new Float32Array(gate!).reduce((sum, square) => sum + square, 0) / tokens;
      return {
        auxiliaryLoss: settings.auxiliary === null ? gateLoss : auxiliaryLoss!,
        gradientNorm: maxGradientNorm === null ? null : norm!,
        dead: settings.auxiliary === null ? 0 : new Uint32Array(dead!)[0]!,
      };
    });
  }

  /** ‖·‖² of the gate's residuals, by token; of dictionaries without a gate the control, which stands in for it. */
  #squareGate(tokens: number): GPUBuffer {
    if (this.shape.architecture.kind !== 'gated') return this.#movement().control;
    const squares = this.held.memory.room('squares of the gate', tokens);
    squareRows(this.held, gateResidualsOf(this.held, tokens), squares, tokens, this.shape.dOut, false);
    return squares;
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    return this.enqueue(() => {
      const descent = this.#descend('gradient', weights, settings);
      const arrays = buildParameters(this.shape, (_, length) => new Float32Array(length));
      return readGradient(this.held, descent, arrays);
    });
  }

  /** Records everything up to the sums over features. */
  #descend(call: 'backward' | 'gradient', weights: TokenWeights, settings: StepSettings): Descent {
    if (this.#forwarded === null)
      throw new UsageError(
        `${call} needs a forward pass right before it; encode, decode and backward end the last one`,
      );
    const state = this.held;
    const { batch, rows, room } = this.#forwarded;
    checkWeights(batch.tokens, weights);
    checkSettings(this.shape, settings);
    const { moving, trained, control } = this.#movement();
    state.recorder.write(control, Float32Array.of(1, 0, 0, 0));
    const source = this.#drive(weights);
    const silent = this.#vector('silent');
    const sinceFired = this.#vector('since fired');
    const features = this.shape.dSae;
    const groups = elementGroups(features);
    state.recorder.dispatch(
      SILENCE,
      { ...source.lists, decodedValues: source.decodedValues, sinceFired, silent },
      { features, tokens: batch.tokens },
      groups,
    );
    const { auxiliary } = settings;
    const deadBy = auxiliary?.form === 'saelens' ? sinceFired : silent;
    const other = auxiliary === null ? null : recordAuxiliary(state, batch, auxiliary, deadBy, control);
    const { featureStarts } = source.lists;
    const touched = this.#vector('touched features');
    state.recorder.dispatch(
      TOUCH,
      { featureStarts, otherStarts: other?.lists.featureStarts ?? featureStarts, moving, trained, touched },
      { features },
      groups,
    );
    const extras = state.memory.room('extra gradients', state.formulas.hasExtras ? 4 * room : 4);
    const descent: Descent = {
      ...{ batch, source, values: rows.values, extras, auxiliary: other, touched, isPartial: this.#isPartial },
    };
    recordSums(state, descent);
    recordShared(state, descent);
    return descent;
  }

  /** Records δ of every entry, and the lists by feature. */
  #drive(weights: TokenWeights): Source {
    const state = this.held;
    const { batch, rows, room } = this.#forwarded!;
    const { tokens } = batch;
    const { architecture, dOut } = this.shape;
    const pairs = new Float32Array(2 * tokens);
    for (let token = 0; token < tokens; token++) {
      pairs[2 * token] = 2 * weights.reconstruction[token]!;
      pairs[2 * token + 1] = batch.sparsityCoefficient * weights.sparsity[token]!;
    }
    const buffer = state.memory.room('weights of the tokens', 2 * tokens);
    state.recorder.write(buffer, pairs);
    const deltas = state.memory.room('deltas', room);
    const isGated = architecture.kind === 'gated';
    const gatePulls = state.memory.room('pulls of the gate', isGated ? room : 4);
    const { starts, features, values } = rows;
    for (const { tile, level, first, end } of levelRanges(state.parameters.tiles, batch.widths)) {
      const decoder = state.parameters.rows('values', 'decoder', tile);
      const range = { tokens, first, end, tileFirst: tile.first, width: dOut };
      const pull = (residuals: GPUBuffer, pulls: GPUBuffer): void => {
        state.recorder.dispatch(PULL, { starts, features, residuals, decoder, pulls }, range, tokens);
      };
      pull(residualsOf(state, tokens, level), deltas);
      if (isGated) pull(gateResidualsOf(state, tokens), gatePulls);
    }
    const extras = state.memory.room('extra gradients', state.formulas.hasExtras ? 4 * room : 4);
    const isTanh = architecture.kind === 'jumprelu' && architecture.penalty.kind === 'tanh';
    state.recorder.dispatch(
      driveKernel(state.formulas),
      { starts, features, values, facts: state.facts, weights: buffer, gatePulls, deltas, extras },
      {
        tokens,
        width: architecture.kind === 'jumprelu' ? architecture.bandwidth : 0,
        scale: isTanh ? architecture.penalty.scale : 0,
        gateScale: 2 / tokens,
      },
      tokens,
    );
    const lists = transpose(state, 'batch', rows, tokens, room);
    return { lists, deltas, decodedValues: decodedOf(state, room), weights: buffer };
  }

  override encode(activations: Float32Array): Promise<SparseFeatures> {
    this.#endForward();
    return super.encode(activations);
  }

  override decode(features: SparseFeatures): Promise<Float32Array> {
    this.#endForward();
    return super.decode(features);
  }

  /** Inference uses the memory of the forward pass. */
  #endForward(): void {
    void this.enqueue(() => {
      this.#forwarded = null;
      return Promise.resolve();
    }).catch(() => undefined);
  }

  state(): Promise<TrainingState> {
    return this.enqueue(async () => {
      const { parameters, recorder } = this.held;
      const [since] = await recorder.read([this.#vector('since fired'), this.shape.dSae * 4]);
      return {
        parameters: await parameters.read('values'),
        firstMoment: await parameters.read('first'),
        secondMoment: await parameters.read('second'),
        steps: this.#steps,
        tokensSinceFired: Float64Array.from(new Uint32Array(since!)),
      };
    });
  }

  restore(state: TrainingState): Promise<void> {
    return this.enqueue(() => {
      checkState(this.shape, state);
      const { parameters, recorder } = this.held;
      parameters.write('values', state.parameters);
      parameters.write('first', state.firstMoment);
      parameters.write('second', state.secondMoment);
      recorder.write(this.#movement().moving, movingFeatures(this.shape, state));
      const since = Uint32Array.from(state.tokensSinceFired, (tokens) => Math.min(tokens, MAX_SINCE_FIRED));
      recorder.write(this.#vector('since fired'), since);
      this.selector.forget();
      this.#steps = state.steps;
      this.#forwarded = null;
      return Promise.resolve();
    });
  }
}
