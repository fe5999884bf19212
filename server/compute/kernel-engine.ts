import { CallQueue } from './call-queue.ts';
import { checkParameters, checkShape, checkState } from './engine-checks.ts';
import type {
  DictionaryParameters,
  Engine,
  EngineDictionary,
  EngineName,
  EngineShape,
  EngineTrainer,
  MomentStorage,
  TrainingState,
} from './engine.ts';
import { KernelDictionary, type KernelResources } from './kernel-dictionary.ts';
import { writeParameters, type KernelLayout, type Kernels } from './kernel-instance.ts';
import { KernelTrainer } from './kernel-trainer.ts';

/** An engine over either build of the kernels. */
export class KernelEngine implements Engine {
  readonly name: EngineName;
  readonly device: string;
  readonly #kernels: Kernels;
  readonly #queue = new CallQueue();
  readonly #open = new Set<EngineDictionary>();

  constructor(name: EngineName, device: string, kernels: Kernels) {
    this.name = name;
    this.device = device;
    this.#kernels = kernels;
  }

  async dictionary(shape: EngineShape, parameters: DictionaryParameters): Promise<EngineDictionary> {
    checkShape(shape);
    checkParameters(shape, parameters);
    const resources = await this.#resources({ shape, trains: false, moments: 'float32' });
    writeParameters(resources.instance, '', shape, parameters);
    resources.instance.parametersWritten();
    const dictionary = new KernelDictionary(resources);
    this.#open.add(dictionary);
    return dictionary;
  }

  async trainer(
    shape: EngineShape,
    start: DictionaryParameters | TrainingState,
    moments: MomentStorage = 'float32',
  ): Promise<EngineTrainer> {
    checkShape(shape);
    if ('steps' in start) checkState(shape, start);
    else checkParameters(shape, start);
    const resources = await this.#resources({ shape, trains: true, moments });
    const trainer = new KernelTrainer(resources);
    this.#open.add(trainer);
    if ('steps' in start) {
      await trainer.restore(start);
    } else {
      writeParameters(resources.instance, '', shape, start);
      resources.instance.parametersWritten();
    }
    return trainer;
  }

  async #resources(layout: KernelLayout): Promise<KernelResources> {
    const instance = await this.#kernels.open(layout);
    return { layout, instance, queue: this.#queue, onDispose: (dictionary) => this.#open.delete(dictionary) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dictionary of [...this.#open]) await dictionary[Symbol.asyncDispose]();
    await this.#kernels[Symbol.asyncDispose]();
  }
}
