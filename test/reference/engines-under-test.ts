import type { Engine } from '../../server/compute/engine.ts';
import { engineAvailability, openEngine } from '../../server/compute/engines.ts';

export interface EngineUnderTest {
  readonly name: string;
  /** TensorFlow.js's own CPU backend is: it gets fewer random problems and no large one. */
  readonly isSlow: boolean;
  readonly open: () => Promise<Engine>;
}

/** Every engine that this machine has, on two threads. */
export async function availableEngines(): Promise<EngineUnderTest[]> {
  return (await engineAvailability())
    .filter((engine) => engine.available)
    .map(({ name }) => ({ name, isSlow: name === 'tensorflow', open: () => openEngine(name, { threads: 2 }) }));
}

/** Random problems are the same in every run, unless another seed is given to look further. */
export const PROBLEM_SEED = Number(process.env['SSAE_TEST_SEED'] ?? 20261125);
