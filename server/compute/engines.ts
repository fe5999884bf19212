import { availableParallelism } from 'node:os';
import { AddonKernels, loadAddon } from './addon-kernels.ts';
import type { Engine, EngineAvailability, EngineName } from './engine.ts';
import { KernelEngine } from './kernel-engine.ts';
import { describeTensorFlow, findTensorFlow, startTensorFlow } from './tensorflow/backend.ts';
import { TensorFlowEngine } from './tensorflow/tensorflow-engine.ts';
import { WASM_BUILD, type WasmBuild } from './wasm-build.ts';
import { WasmKernels } from './wasm-kernels.ts';
import { findGpu } from './webgpu/device.ts';
import { WebGpuEngine } from './webgpu/webgpu-engine.ts';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';

/** `auto` is the addon where it loads, else WebAssembly. */
export type EngineChoice = 'auto' | EngineName;

export interface EngineOptions {
  /** Null: as many as the system offers. The numbers do not change the results. */
  readonly threads?: number | null;
}

/** As in `kernels/dictionary.h`. */
const MAX_THREADS = 64;

function threadsOf({ threads = null }: EngineOptions): number {
  if (threads === null) return Math.min(availableParallelism(), MAX_THREADS);
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS)
    throw new UsageError(`threads is ${threads}; expected a whole number from 1 to ${MAX_THREADS}`);
  return threads;
}

function deviceName(instructions: string, threads: number): string {
  return `${instructions}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

/** @throws WorkError when `cpu`, `webgpu` or `tensorflow` is asked for by name and is not there */
export async function openEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  const threads = threadsOf(options);
  if (choice === 'webgpu') return openWebGpu();
  if (choice === 'tensorflow') return new TensorFlowEngine(await startTensorFlow(findTensorFlow()));
  if (choice !== 'wasm') {
    const loaded = loadAddon();
    if (loaded.kind === 'loaded') {
      const { addon } = loaded;
      return new KernelEngine('cpu', deviceName(addon.instructions, threads), new AddonKernels(addon, threads));
    }
    if (choice === 'cpu')
      throw new WorkError(`the engine "cpu" is not available: ${loaded.reason}. The engine "wasm" works everywhere`);
  }
  return openWasm(WASM_BUILD, threads);
}

export async function openWasm(build: WasmBuild, threads: number): Promise<Engine> {
  const kernels = await WasmKernels.start(build, threads);
  return new KernelEngine('wasm', deviceName(build.instructions, threads), kernels);
}

async function openWebGpu(): Promise<Engine> {
  const search = await findGpu();
  if (search.kind === 'found') return new WebGpuEngine(search.gpu);
  throw new WorkError(`the engine "webgpu" is not available: ${search.reason}. The engine "wasm" works everywhere`);
}

function cpuAvailability(): EngineAvailability {
  const loaded = loadAddon();
  if (loaded.kind !== 'loaded') return { name: 'cpu', available: false, reason: loaded.reason, device: null };
  return { name: 'cpu', available: true, reason: null, device: deviceName(loaded.addon.instructions, threadsOf({})) };
}

async function webGpuAvailability(): Promise<EngineAvailability> {
  const search = await findGpu();
  if (search.kind === 'absent') return { name: 'webgpu', available: false, reason: search.reason, device: null };
  const { gpu } = search;
  gpu.device.destroy();
  const device = gpu.isSoftware ? `${gpu.name}, in software` : gpu.name;
  return { name: 'webgpu', available: true, reason: null, device };
}

async function tensorFlowAvailability(): Promise<EngineAvailability> {
  try {
    const device = await describeTensorFlow(findTensorFlow());
    return { name: 'tensorflow', available: true, reason: null, device };
  } catch (error) {
    return { name: 'tensorflow', available: false, reason: messageOf(error), device: null };
  }
}

export async function engineAvailability(): Promise<EngineAvailability[]> {
  return [
    cpuAvailability(),
    { name: 'wasm', available: true, reason: null, device: deviceName(WASM_BUILD.instructions, threadsOf({})) },
    await webGpuAvailability(),
    await tensorFlowAvailability(),
  ];
}
