import { setFlagsFromString } from 'node:v8';
import type { Engine } from '../../server/compute/engine.ts';
import { engineAvailability, openEngine, openWasm } from '../../server/compute/engines.ts';
import { hasRelaxedSimd, PLAIN_BUILD, RELAXED_BUILD, WASM_BUILD } from '../../server/compute/wasm-build.ts';

export interface EngineUnderTest {
  readonly name: string;
  /** TensorFlow.js's own CPU backend is: it gets fewer random problems and no large one. */
  readonly isSlow: boolean;
  /** @param threads two without it */
  readonly open: (threads?: number) => Promise<Engine>;
}

/** The build that the engine `wasm` does not take here. Node 20 has relaxed SIMD behind a flag. */
function otherWasm(): EngineUnderTest {
  if (!hasRelaxedSimd()) setFlagsFromString('--experimental-wasm-relaxed-simd');
  const build = WASM_BUILD === PLAIN_BUILD ? RELAXED_BUILD : PLAIN_BUILD;
  return { name: `wasm (${build.instructions})`, isSlow: false, open: (threads = 2) => openWasm(build, threads) };
}

/** Every engine that this machine has, both builds of WebAssembly. */
export async function availableEngines(): Promise<EngineUnderTest[]> {
  const listed = (await engineAvailability()).filter((engine) => engine.available);
  const named = listed.map(({ name }): EngineUnderTest => ({
    ...{ name, isSlow: name === 'tensorflow' },
    open: (threads = 2) => openEngine(name, { threads }),
  }));
  return [...named, otherWasm()];
}

/** Random problems are the same in every run, unless another seed is given to look further. */
export const PROBLEM_SEED = Number(process.env['SSAE_TEST_SEED'] ?? 20261125);
