import { CallQueue } from '../call-queue.ts';
import { checkMoments, checkParameters, checkShape, checkState } from '../engine-checks.ts';
import type {
  DictionaryParameters,
  Engine,
  EngineDictionary,
  EngineShape,
  EngineTrainer,
  MomentStorage,
  TrainingState,
} from '../engine.ts';
import type { Gpu } from './device.ts';
import { DictionaryState, type StateOptions } from './dictionary-state.ts';
import { Recorder } from './recorder.ts';
import { WebGpuDictionary, type WebGpuResources } from './webgpu-dictionary.ts';
import { WebGpuTrainer } from './webgpu-trainer.ts';

/** Pre-activations of [tokens, d_sae] that are kept at once; more tokens come one block after another. */
const BLOCK_BYTES = 256 * 2 ** 20;

/** WGSL kernels on a GPU, by Dawn. */
export class WebGpuEngine implements Engine {
  readonly name = 'webgpu';
  readonly device: string;
  /** Bytes that one kernel can see of one buffer. */
  readonly maxBytes: number;
  readonly #gpu: Gpu;
  readonly #recorder: Recorder;
  readonly #options: StateOptions;
  readonly #queue = new CallQueue();
  readonly #open = new Set<EngineDictionary>();

  /** The engine owns the device. */
  constructor(gpu: Gpu, options: Partial<StateOptions> = {}) {
    this.device = gpu.name;
    this.maxBytes = gpu.maxBytes;
    this.#gpu = gpu;
    this.#recorder = new Recorder(gpu);
    this.#options = { tileBytes: gpu.maxBytes, blockBytes: BLOCK_BYTES, ...options };
  }

  #resources(shape: EngineShape): WebGpuResources {
    const state = new DictionaryState(shape, this.#recorder, this.#options);
    return { state, queue: this.#queue, onDispose: (dictionary) => this.#open.delete(dictionary) };
  }

  dictionary(shape: EngineShape, parameters: DictionaryParameters): Promise<EngineDictionary> {
    return this.#queue.run(() => {
      checkShape(shape);
      checkParameters(shape, parameters);
      const resources = this.#resources(shape);
      resources.state.parameters.write('values', parameters);
      const dictionary = new WebGpuDictionary(resources);
      this.#open.add(dictionary);
      return Promise.resolve(dictionary);
    });
  }

  async trainer(
    shape: EngineShape,
    start: DictionaryParameters | TrainingState,
    moments: MomentStorage = 'float32',
  ): Promise<EngineTrainer> {
    const trainer = await this.#queue.run(() => {
      checkMoments(moments, this.name);
      checkShape(shape);
      if ('steps' in start) checkState(shape, start);
      else checkParameters(shape, start);
      const resources = this.#resources(shape);
      const made = new WebGpuTrainer(resources);
      if (!('steps' in start)) resources.state.parameters.write('values', start);
      this.#open.add(made);
      return Promise.resolve(made);
    });
    if ('steps' in start) await trainer.restore(start);
    return trainer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dictionary of [...this.#open]) await dictionary[Symbol.asyncDispose]();
    this.#gpu.device.destroy();
  }
}
