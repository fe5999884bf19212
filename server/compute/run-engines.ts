/** The engines that a run computes on: one from its start to its end, unless that one is lost. */
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import type { DeviceLostError } from './device-lost.ts';
import type { Engine, EngineName } from './engine.ts';
import { candidatesFor, chooseEngine, type Candidates, type EngineVerdict } from './engine-choice.ts';
import type { EngineChoice } from './engines.ts';
import { gpuShortfall, type GpuStep } from './webgpu/predicted-memory.ts';
import { WebGpuEngine } from './webgpu/webgpu-engine.ts';

export interface ChosenEngine {
  readonly engine: Engine;
  /** In words; may hold what was measured. */
  readonly reason: string;
  /** The engine that computed the run so far, where another has to go on. */
  readonly insteadOf: { readonly engine: string; readonly why: string } | null;
}

/** What computed a checkpoint. */
export interface CheckpointEngine {
  readonly engine: string;
  /** Engines that the run was on before, and went on from. */
  readonly earlier: readonly string[];
}

export interface RunEngines {
  /**
   * @param checkpointed of the checkpoint that is to be resumed: only the same engine gives the same bits
   * @throws WorkError when the engine that was asked for is not there, UsageError when the step does not fit it
   */
  first(step: GpuStep, checkpointed: CheckpointEngine | null): Promise<ChosenEngine>;
  /** The next one. @throws WorkError when none is left */
  after(lost: Engine, error: DeviceLostError): Promise<ChosenEngine>;
}

/** One engine and no other. */
export function onlyEngine(engine: Engine): RunEngines {
  return {
    first: () => Promise.resolve({ engine, reason: `${engine.name} (${engine.device})`, insteadOf: null }),
    after: (_, error) => Promise.reject(error),
  };
}

/** What opens engines for the whole process, and knows which of them were lost in it. */
export interface EngineShelf {
  open(name: EngineName): Promise<Engine>;
  /** Closes an engine that was lost, so that nobody gets it any more. */
  discard(name: EngineName, why: string): Promise<void>;
  /** Why an engine was lost in this process; null where it was not. */
  lost(name: EngineName): string | null;
  /** Verdicts of this process, by what they are about. */
  readonly verdicts: Map<string, Promise<EngineVerdict>>;
}

const ENGINES: Readonly<Record<EngineName, true>> = { cpu: true, wasm: true, webgpu: true, tensorflow: true };
/** Who goes on after a loss: engines without a device that could be lost. */
const SUCCESSORS: readonly EngineName[] = ['cpu', 'wasm'];

/** Engines of one run, from those of the process. */
export class ShelvedEngines implements RunEngines {
  readonly #choice: EngineChoice;
  readonly #shelf: EngineShelf;
  readonly #candidates: (step: GpuStep) => Promise<Candidates>;

  /** @param candidates what there is to choose from; tests give their own */
  constructor(choice: EngineChoice, shelf: EngineShelf, candidates = candidatesFor) {
    this.#choice = choice;
    this.#shelf = shelf;
    this.#candidates = candidates;
  }

  async first(step: GpuStep, checkpointed: CheckpointEngine | null): Promise<ChosenEngine> {
    const { name, reason, insteadOf } = await this.#firstVerdict(step, checkpointed);
    const engine = await this.#shelf.open(name);
    if (engine instanceof WebGpuEngine) refuseTooLarge(step, engine);
    return { engine, reason, insteadOf };
  }

  async #firstVerdict(
    step: GpuStep,
    checkpointed: CheckpointEngine | null,
  ): Promise<EngineVerdict & Pick<ChosenEngine, 'insteadOf'>> {
    if (checkpointed === null) return { ...(await this.verdict(step)), insteadOf: null };
    const { engine, earlier } = checkpointed;
    const why = await this.#absence(engine);
    if (why !== null) return { ...(await this.verdict(step)), insteadOf: { engine, why } };
    // A run that was asked for on an engine that it lost is still that run.
    const follows = this.#choice === 'auto' || earlier.includes(this.#choice);
    if (!follows) return { ...(await this.verdict(step)), insteadOf: null };
    return { name: engine as EngineName, reason: `${engine}, which made the checkpoint`, insteadOf: null };
  }

  /** What is chosen for such a step, without a checkpoint. */
  verdict(step: GpuStep): Promise<EngineVerdict> {
    const choice = this.#choice;
    if (choice !== 'auto') return Promise.resolve({ name: choice, reason: `${choice}, as asked for` });
    const key = JSON.stringify(step);
    let verdict = this.#shelf.verdicts.get(key);
    if (verdict === undefined) {
      verdict = this.#choose(step);
      this.#shelf.verdicts.set(key, verdict);
      verdict.catch(() => this.#shelf.verdicts.delete(key));
    }
    return verdict;
  }

  async #choose(step: GpuStep): Promise<EngineVerdict> {
    const lost = this.#shelf.lost('webgpu');
    const found = lost === null ? await this.#candidates(step) : { ...(await this.#candidates(step)), gpu: lost };
    return chooseEngine(step, found, (name) => this.#shelf.open(name));
  }

  /** Why an engine cannot go on with its checkpoint; null where it can. */
  async #absence(name: string): Promise<string | null> {
    if (!isEngineName(name)) return `this version has no engine "${name}"`;
    const lost = this.#shelf.lost(name);
    if (lost !== null) return lost;
    try {
      await this.#shelf.open(name);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async after(lost: Engine, { reason, step }: DeviceLostError): Promise<ChosenEngine> {
    const why = `${lost.name} (${lost.device}) was lost${step === null ? '' : ` at step ${step}`}: ${reason}`;
    await this.#shelf.discard(lost.name, why);
    const others: string[] = [];
    for (const name of SUCCESSORS) {
      const gone = await this.#absence(name);
      if (gone !== null) others.push(gone);
      else
        return {
          ...{ engine: await this.#shelf.open(name), reason: `${name}; ${why}` },
          insteadOf: { engine: lost.name, why },
        };
    }
    throw new WorkError(
      `${why}, and no engine is left to go on: ${others.join('; ')}. Start the program again, and repeat the command with --resume to go on from the last checkpoint`,
    );
  }
}

function isEngineName(name: string): name is EngineName {
  return Object.hasOwn(ENGINES, name);
}

function refuseTooLarge(step: GpuStep, { device, maxBytes }: WebGpuEngine): void {
  const shortfall = gpuShortfall(step, device, maxBytes);
  if (shortfall !== null)
    throw new UsageError(
      `--engine is webgpu, but the step does not fit it: ${shortfall}; take a smaller --batch, or --engine cpu`,
    );
}
