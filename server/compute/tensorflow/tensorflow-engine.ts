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
import type { TensorFlow } from './backend.ts';
import { TensorFlowDictionary, type TensorFlowResources } from './tensorflow-dictionary.ts';
import { TensorFlowTrainer } from './tensorflow-trainer.ts';

/** TensorFlow.js: dense operations, and gradients by its autograd, which owe nothing to the kernels of the other engines. */
export class TensorFlowEngine implements Engine {
  readonly name = 'tensorflow';
  readonly device: string;
  readonly #resources: TensorFlowResources;
  readonly #open = new Set<EngineDictionary>();

  constructor({ tf, device }: TensorFlow) {
    this.device = device;
    this.#resources = { tf, queue: new CallQueue(), onDispose: (dictionary) => this.#open.delete(dictionary) };
  }

  #make<T extends EngineDictionary>(shape: EngineShape, check: () => void, make: () => T): Promise<T> {
    return this.#resources.queue.run(() => {
      checkShape(shape);
      check();
      const made = make();
      this.#open.add(made);
      return Promise.resolve(made);
    });
  }

  dictionary(shape: EngineShape, parameters: DictionaryParameters): Promise<EngineDictionary> {
    return this.#make(
      shape,
      () => {
        checkParameters(shape, parameters);
      },
      () => new TensorFlowDictionary(this.#resources, shape, parameters),
    );
  }

  trainer(
    shape: EngineShape,
    start: DictionaryParameters | TrainingState,
    moments: MomentStorage = 'float32',
  ): Promise<EngineTrainer> {
    return this.#make(
      shape,
      () => {
        checkMoments(moments, this.name);
        if ('steps' in start) checkState(shape, start);
        else checkParameters(shape, start);
      },
      () => new TensorFlowTrainer(this.#resources, shape, start),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dictionary of [...this.#open]) await dictionary[Symbol.asyncDispose]();
  }
}
