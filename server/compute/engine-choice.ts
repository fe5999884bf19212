/** Which engine a run takes by itself, and why. */
import { messageOf } from '../foundation/errors.ts';
import { loadAddon } from './addon-kernels.ts';
import type { Engine, EngineName } from './engine.ts';
import { millisecondsOfStep, timeableStep, type StepSize } from './step-time.ts';
import { findGpu } from './webgpu/device.ts';
import { gpuShortfall, type GpuStep } from './webgpu/predicted-memory.ts';

export interface EngineVerdict {
  readonly name: EngineName;
  /** In words, with what was measured: "webgpu (NVIDIA H100): 4 ms a step; cpu (AVX-512): 31 ms". */
  readonly reason: string;
}

/** What the choice is made of. */
export interface Candidates {
  /** Null where the addon loads; else why not. */
  readonly addon: string | null;
  /** Null where there is a GPU that this step fits and that is none in software; else why not. */
  readonly gpu: string | null;
}

/** Measurements are noisy, and a run that is done again is to find the same engine: another than the usual one must be so much faster. */
const FASTER = 0.8;

async function gpuProblem(step: GpuStep): Promise<string | null> {
  const search = await findGpu();
  if (search.kind === 'absent') return search.reason;
  const { device, isSoftware, name, maxBytes } = search.gpu;
  device.destroy();
  return isSoftware
    ? `${name} computes in software, on the same processors as cpu and slower`
    : gpuShortfall(step, name, maxBytes);
}

export async function candidatesFor(step: GpuStep): Promise<Candidates> {
  const loaded = loadAddon();
  return { addon: loaded.kind === 'loaded' ? null : loaded.reason, gpu: await gpuProblem(step) };
}

const figure = (milliseconds: number): string => `${Number(milliseconds.toPrecision(2))} ms a step`;
const named = ({ name, device }: Engine): string => `${name} (${device})`;

function sizeWords({ shape, batch }: StepSize, step: GpuStep): string {
  const whole = shape.dSae === step.shape.dSae && batch === step.batch;
  const width = shape.dIn === shape.dOut ? String(shape.dIn) : `${shape.dIn}, ${shape.dOut}`;
  return `${whole ? 'measured' : 'measured on a smaller step'}, ${batch} tokens, ${shape.dSae} features of ${width}`;
}

/**
 * Takes the faster one where a GPU stands beside the processors, by a step of the run or one like it, in about a second. Where it does
 * not, nothing is measured: the addon is the same code as WebAssembly, compiled for the machine.
 * @param open opens an engine, or gives the one that is open
 */
export async function chooseEngine(
  step: GpuStep,
  { addon, gpu }: Candidates,
  open: (name: EngineName) => Promise<Engine>,
): Promise<EngineVerdict> {
  const name = addon === null ? 'cpu' : 'wasm';
  const usual = addon === null ? 'cpu' : `wasm; cpu is not available: ${addon}`;
  if (gpu !== null) return { name, reason: `${usual}; webgpu is not available: ${gpu}` };
  const processor = await open(name);
  const timed = await timeableStep(processor, step);
  const size = sizeWords(timed, step);
  const own = `${named(processor)}: ${figure(timed.milliseconds)}`;
  const without = addon === null ? '' : `; cpu is not available: ${addon}`;
  try {
    const graphics = await open('webgpu');
    const milliseconds = await millisecondsOfStep(graphics, timed);
    const other = `${named(graphics)}: ${figure(milliseconds)}`;
    if (milliseconds <= FASTER * timed.milliseconds)
      return { name: 'webgpu', reason: `${other}, ${own} (${size})${without}` };
    return { name, reason: `${own}, ${other} (${size})${without}` };
  } catch (error) {
    return { name, reason: `${usual}; webgpu failed when it was measured: ${messageOf(error)}` };
  }
}
