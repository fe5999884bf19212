import { CallQueue } from './call-queue.ts';
import { checkParameters, checkShape, checkState } from './engine-checks.ts';
import type {
  DictionaryParameters,
  Engine,
  EngineDictionary,
  EngineName,
  EngineShape,
  EngineTrainer,
  TrainingState,
} from './engine.ts';
import { KernelDictionary } from './kernel-dictionary.ts';
import { writeParameters, type Kernels } from './kernel-instance.ts';
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
    const instance = await this.#kernels.open({ shape, trains: false });
    writeParameters(instance, '', parameters);
    instance.parametersWritten();
    const dictionary = new KernelDictionary(shape, instance, this.#queue);
    this.#open.add(dictionary);
    return dictionary;
  }

  async trainer(shape: EngineShape, start: DictionaryParameters | TrainingState): Promise<EngineTrainer> {
    checkShape(shape);
    if ('steps' in start) checkState(shape, start);
    else checkParameters(shape, start);
    const instance = await this.#kernels.open({ shape, trains: true });
    const trainer = new KernelTrainer(shape, instance, this.#queue);
    this.#open.add(trainer);
    if ('steps' in start) {
      await trainer.restore(start);
    } else {
      writeParameters(instance, '', start);
      instance.parametersWritten();
    }
    return trainer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dictionary of this.#open) await dictionary[Symbol.asyncDispose]();
    await this.#kernels[Symbol.asyncDispose]();
  }
}
