/** Engines for tests of what chooses among them. */
import { referenceEngine } from './reference/engine.ts';
import { DeviceLostError } from '../server/compute/device-lost.ts';
import type { Engine, EngineName, EngineTrainer } from '../server/compute/engine.ts';
import type { EngineShelf } from '../server/compute/run-engines.ts';
import { WorkError } from '../server/foundation/errors.ts';

/** An engine whose trainers do something before each forward pass, counted from 1 over all of them. */
export function withForward(
  engine: Engine,
  before: (pass: number) => Promise<void> | void,
  changes: Partial<Pick<Engine, 'name' | 'device'>> = {},
): Engine {
  let passes = 0;
  return {
    ...{ name: engine.name, device: engine.device, ...changes },
    dictionary: (shape, parameters) => engine.dictionary(shape, parameters),
    trainer: async (shape, start): Promise<EngineTrainer> => {
      const trainer = await engine.trainer(shape, start);
      const forward = trainer.forward.bind(trainer);
      trainer.forward = async (batch, settings) => {
        await before(++passes);
        return forward(batch, settings);
      };
      return trainer;
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** The reference under another engine's name; its device is lost in the given forward pass. */
export function losing(name: EngineName, pass: number, reason = 'driver reset'): Engine {
  const before = (at: number): void => {
    if (at === pass) throw new DeviceLostError(reason);
  };
  return withForward(referenceEngine, before, { name, device: `${name}'s device` });
}

/** Given engines; what is not given is not available. */
export class TestShelf implements EngineShelf {
  readonly verdicts: EngineShelf['verdicts'] = new Map();
  readonly opened: EngineName[] = [];
  readonly #engines: Partial<Record<EngineName, Engine>>;
  readonly #lost = new Map<EngineName, string>();

  constructor(engines: Partial<Record<EngineName, Engine>>) {
    this.#engines = engines;
  }

  open(name: EngineName): Promise<Engine> {
    this.opened.push(name);
    const engine = this.#engines[name];
    return engine === undefined
      ? Promise.reject(new WorkError(`the engine "${name}" is not available: none here`))
      : Promise.resolve(engine);
  }

  discard(name: EngineName, why: string): Promise<void> {
    this.#lost.set(name, why);
    return Promise.resolve();
  }

  lost(name: EngineName): string | null {
    return this.#lost.get(name) ?? null;
  }
}
