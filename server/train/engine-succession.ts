/** Which engine computes a run when: the first, and after a loss the next, from the last checkpoint on. */
import type { DeviceLostError } from '../compute/device-lost.ts';
import type { Engine } from '../compute/engine.ts';
import type { ChosenEngine, RunEngines } from '../compute/run-engines.ts';
import type { GpuStep } from '../compute/webgpu/predicted-memory.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { EngineChange } from '../protocol/results.ts';
import { readProgress } from './checkpoint.ts';
import type { TrainingPlan } from './training-plan.ts';

/** One engine's part of a run. */
export interface EngineTurn {
  readonly engine: Engine;
  /** Why this one. */
  readonly reason: string;
  /** Engine that the checkpoint may be of though it is another; null where only the same may go on. */
  readonly checkpointed: string | null;
  /** Changes so far, this one's included. */
  readonly changes: readonly EngineChange[];
}

function levelsOf(prefixes: TrainingPlan['prefixes']): number {
  if (prefixes === null) return 1;
  return prefixes.kind === 'widths' ? prefixes.widths.length + 1 : prefixes.levels;
}

/** What decides whether a step fits a GPU, and how fast it is there. */
export function gpuStepOf({ shape, batch, prefixes, auxiliary, moments, divergence }: TrainingPlan): GpuStep {
  return {
    ...{ shape, batch, levels: levelsOf(prefixes), auxiliary: auxiliary?.k ?? 0 },
    ...(moments === undefined ? {} : { moments }),
    ...(divergence === undefined ? {} : { takesSlopes: true }),
  };
}

export class EngineSuccession {
  readonly #engines: RunEngines;
  readonly #plan: TrainingPlan;
  readonly #path: string;
  readonly #control: JobControl;

  /** @param path of the checkpoint */
  constructor(engines: RunEngines, plan: TrainingPlan, path: string, control: JobControl) {
    this.#engines = engines;
    this.#plan = plan;
    this.#path = path;
    this.#control = control;
  }

  /** @throws WorkError when the engine that was asked for is not there */
  async first(): Promise<EngineTurn> {
    const { engine = null, engineChanges = [] } = await this.#stored();
    const earlier = engineChanges.map(({ from }) => from);
    const checkpointed = engine === null ? null : { engine, earlier };
    const chosen = await this.#engines.first(gpuStepOf(this.#plan), checkpointed);
    return this.#turn(chosen, engineChanges);
  }

  /** @throws WorkError when no engine is left */
  async after(lost: EngineTurn, error: DeviceLostError): Promise<EngineTurn> {
    return this.#turn(await this.#engines.after(lost.engine, error), lost.changes);
  }

  async #stored(): Promise<{ steps: number; engine?: string; engineChanges?: readonly EngineChange[] }> {
    const stored = await readProgress(this.#path);
    if (stored === null) return { steps: 0 };
    const { engine } = stored.run;
    return { ...stored, ...(typeof engine === 'string' ? { engine } : {}) };
  }

  async #turn({ engine, reason, insteadOf }: ChosenEngine, before: readonly EngineChange[]): Promise<EngineTurn> {
    const { steps: step, engine: checkpointed = null } = await this.#stored();
    if (insteadOf === null) {
      this.#tell(`engine: ${reason}`, step);
      return { engine, reason, checkpointed: null, changes: before };
    }
    const { engine: from, why } = insteadOf;
    const place = step === 0 ? 'from the start' : `from step ${step}, the last checkpoint`;
    this.#tell(`engine: ${why}; ${engine.name} (${engine.device}) goes on ${place}`, step);
    return { engine, reason, checkpointed, changes: [...before, { from, to: engine.name, step, why }] };
  }

  #tell(notice: string, done: number): void {
    this.#control.report({ stage: 'training', done, total: this.#plan.steps, unit: 'steps', notice });
  }
}
