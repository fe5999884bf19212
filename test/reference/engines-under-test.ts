import type { Engine } from '../../server/compute/engine.ts';
import { engineAvailability, openEngine } from '../../server/compute/engines.ts';

export interface EngineUnderTest {
  readonly name: string;
  readonly open: () => Promise<Engine>;
}

/** Every engine that this machine has, on two threads. */
export async function availableEngines(): Promise<EngineUnderTest[]> {
  return (await engineAvailability())
    .filter((engine) => engine.available)
    .map(({ name }) => ({ name, open: () => openEngine(name, { threads: 2 }) }));
}
