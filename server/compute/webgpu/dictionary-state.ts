import type { EngineShape } from '../engine.ts';
import type { Recorder } from './recorder.ts';
import { factsKernel, NORMS, type FactsOf } from './kernels/derive.ts';
import { formulasOf, type Formulas } from './kernels/formulas.ts';
import { Memory } from './memory.ts';
import { Parameters } from './parameters.ts';

export interface StateOptions {
  /** Bytes of W_enc or W_dec in one buffer at most; tests make them small. */
  readonly tileBytes: number;
  /** Bytes of pre-activations that are kept at once. */
  readonly blockBytes: number;
}

/** One dictionary on the GPU: its parameters, its formulas and the memory that its calls share. */
export class DictionaryState {
  readonly shape: EngineShape;
  readonly formulas: Formulas;
  readonly recorder: Recorder;
  readonly memory: Memory;
  readonly parameters: Parameters;
  readonly options: StateOptions;

  constructor(shape: EngineShape, recorder: Recorder, options: StateOptions) {
    this.shape = shape;
    this.formulas = formulasOf(shape.architecture);
    this.recorder = recorder;
    this.memory = new Memory(recorder);
    this.options = options;
    this.parameters = new Parameters(shape, options.tileBytes, this.memory, recorder);
  }

  /** [d_sae] of vec4f: see `kernels/formulas.ts`. */
  get facts(): GPUBuffer {
    return this.memory.room("the features' facts", 4 * this.shape.dSae);
  }

  /** Brings the facts up to date. `trains`: thresholds below 0 become 0. */
  derive(trains: boolean): void {
    const { parameters, recorder, facts, shape } = this;
    const { kind } = shape.architecture;
    const of: FactsOf = kind === 'jumprelu' || kind === 'gated' ? kind : 'nothing';
    recorder.dispatch(
      factsKernel(of),
      {
        encoderBias: parameters.vector('values', 'encoderBias'),
        second: parameters.vector('values', of === 'gated' ? 'magnitudeScale' : 'threshold'),
        magnitudeBias: parameters.vector('values', 'magnitudeBias'),
        facts,
      },
      { count: shape.dSae, clamps: trains ? 1 : 0 },
      Math.ceil(shape.dSae / 64),
    );
    if (!this.formulas.usesNorms) return;
    for (const tile of parameters.tiles)
      recorder.dispatch(
        NORMS,
        { decoder: parameters.rows('values', 'decoder', tile), facts },
        { first: tile.first, count: tile.count, width: shape.dOut },
        tile.count,
      );
  }
}
