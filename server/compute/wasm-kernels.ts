import { readFile } from 'node:fs/promises';
import { CallQueue } from './call-queue.ts';
import {
  CALLS,
  dictionaryBytes,
  kernelArguments,
  regionRows,
  REGIONS,
  type CallName,
  type KernelInstance,
  type KernelLayout,
  type Kernels,
  type RegionArray,
  type RegionName,
} from './kernel-instance.ts';
import { startInstance, type WasmExports } from './wasm-exports.ts';
import { WasmThreads } from './wasm-threads.ts';
import { WorkError } from '../foundation/errors.ts';
import { shippedFile } from '../foundation/package-root.ts';

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
/** The allocator rounds sizes up by at most a quarter. */
const ALLOCATOR_OVERHEAD = 1.25;

/** Asks of a thread's requests, shared by all dictionaries of an engine. */
type Ask = WasmThreads['ask'];

class WasmInstance implements KernelInstance {
  readonly #id: number;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: WasmExports;
  readonly #dIn: number;
  readonly #threads: number;
  readonly #ask: Ask;

  constructor(id: number, memory: WebAssembly.Memory, exports: WasmExports, dIn: number, threads: number, ask: Ask) {
    this.#id = id;
    this.#memory = memory;
    this.#exports = exports;
    this.#dIn = dIn;
    this.#threads = threads;
    this.#ask = ask;
  }

  /** Calls `copy` with each row of `array` and with its place in the memory. */
  #rows(region: RegionName, array: RegionArray, copy: (outer: RegionArray, inner: RegionArray) => void): void {
    const [rows, columns, stride] = regionRows(region, array.length, this.#dIn);
    const start = this.#exports.regionStart(REGIONS.indexOf(region), rows * stride) >>> 0;
    if (start === 0)
      throw new WorkError(
        `WebAssembly memory ends at 4096 MiB and ${Math.ceil(this.#memory.buffer.byteLength / 2 ** 20)} MiB are taken: ` +
          `there is no room for ${array.byteLength} more bytes. Take a smaller batch, or install a C++ compiler and build the native engine`,
      );
    const View = array.constructor as new (buffer: ArrayBufferLike, start: number, length: number) => RegionArray;
    for (let row = 0; row < rows; row++)
      copy(
        array.subarray(row * columns, (row + 1) * columns),
        new View(
          this.#memory.buffer,
          start + row * stride * array.BYTES_PER_ELEMENT,
          columns === stride ? columns : stride,
        ),
      );
  }

  write(region: RegionName, data: RegionArray): void {
    this.#rows(region, data, (outer, inner) => {
      inner.set(outer);
      inner.fill(0, outer.length);
    });
  }

  read(region: RegionName, into: RegionArray): void {
    if (into.length === 0) return;
    this.#rows(region, into, (outer, inner) => {
      outer.set(inner.subarray(0, outer.length));
    });
  }

  parametersWritten(): void {
    this.#exports.parametersWritten();
  }

  async run(call: CallName): Promise<void> {
    this.#exports.beginCall(this.#threads);
    await this.#ask({ kind: 'run', id: this.#id, call: CALLS.indexOf(call) });
  }

  dispose(): void {
    // Each thread drops its instance, and with the last one the memory goes. A broken engine has dropped them already.
    void this.#ask({ kind: 'close', id: this.#id }).catch(() => undefined);
  }
}

/** Refuses what cannot fit before anything is allocated. */
function checkSize(layout: KernelLayout): void {
  const bytes = dictionaryBytes(layout) * ALLOCATOR_OVERHEAD;
  if (bytes < PAGE_BYTES * MAX_PAGES) return;
  const { dSae, dIn } = layout.shape;
  throw new WorkError(
    `WebAssembly memory ends at 4096 MiB, and ${dSae} features × ${dIn} dimensions × 4 bytes × ${layout.trains ? 7 : 3} ` +
      `(${layout.trains ? 'parameters, moments and packed encoder' : 'parameters and packed encoder'}) need ` +
      `${Math.ceil(bytes / 2 ** 20)} MiB. Take fewer features, or install a C++ compiler and build the native engine`,
  );
}

/** The WebAssembly build: every dictionary has a memory of its own, every thread an instance on it. */
export class WasmKernels implements Kernels {
  readonly #module: WebAssembly.Module;
  readonly #threads: WasmThreads;
  readonly #queue = new CallQueue();
  #opened = 0;

  private constructor(module: WebAssembly.Module, threads: number) {
    this.#module = module;
    this.#threads = new WasmThreads(threads);
  }

  static async start(threads: number): Promise<WasmKernels> {
    const bytes = await readFile(shippedFile('server', 'compute', 'wasm', 'kernels.wasm'));
    return new WasmKernels(await WebAssembly.compile(bytes), threads);
  }

  async open(layout: KernelLayout): Promise<KernelInstance> {
    checkSize(layout);
    const count = this.#threads.count;
    const memory = new WebAssembly.Memory({ initial: 16 + 2 * (count + 1), maximum: MAX_PAGES, shared: true });
    const exports = startInstance(this.#module, memory, count);
    if (exports.create(count, ...kernelArguments(layout)) === 0)
      throw new WorkError('the system gave no memory for a WebAssembly dictionary');
    const id = this.#opened++;
    const ask: Ask = (request) => this.#queue.run(() => this.#threads.ask(request));
    await ask({ kind: 'open', id, module: this.#module, memory });
    return new WasmInstance(id, memory, exports, layout.shape.dIn, count, ask);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.run(() => this.#threads[Symbol.asyncDispose]());
  }
}
