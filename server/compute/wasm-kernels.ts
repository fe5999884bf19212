import { readFile } from 'node:fs/promises';
import {
  callBytes,
  CALLS,
  dictionaryBytes,
  gradientBytes,
  kernelArguments,
  MOMENT_COPIES,
  placeWidth,
  regionRows,
  REGIONS,
  type CallName,
  type KernelInstance,
  type KernelLayout,
  type Kernels,
  type RegionArray,
  type RegionName,
} from './kernel-instance.ts';
import type { WasmBuild } from './wasm-build.ts';
import { startInstance, type WasmExports } from './wasm-exports.ts';
import { WasmThreads } from './wasm-threads.ts';
import { WorkError } from '../foundation/errors.ts';

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
/** Of address space, which costs nothing until it is written to. */
const MAX_RESERVE_BYTES = 2 ** 31;
/** The allocator rounds sizes up by at most a quarter. */
const ALLOCATOR_OVERHEAD = 1.25;

/** A memory, its number among the threads' instances, and the main thread's instance on it. */
interface WasmRoom {
  readonly id: number;
  readonly memory: WebAssembly.Memory;
  readonly exports: WasmExports;
}

class WasmInstance implements KernelInstance {
  readonly #room: WasmRoom;
  readonly #layout: KernelLayout;
  readonly #threads: WasmThreads;
  readonly #leave: (room: WasmRoom) => void;
  /** Most tokens, and most levels, that a call was given. */
  #tokens = 0;
  #levels = 1;

  constructor(room: WasmRoom, layout: KernelLayout, threads: WasmThreads, leave: (room: WasmRoom) => void) {
    this.#room = room;
    this.#layout = layout;
    this.#threads = threads;
    this.#leave = leave;
  }

  /** Calls `copy` with each row of `array` and with its place in the memory. */
  #rows(
    region: RegionName,
    array: RegionArray,
    first: number,
    copy: (outer: RegionArray, inner: RegionArray) => void,
  ): void {
    const [rows, columns, stride] = regionRows(region, array.length, this.#layout.shape);
    const before = first * placeWidth(region, this.#layout.shape);
    const base = this.#room.exports.regionStart(REGIONS.indexOf(region), before + rows * stride) >>> 0;
    const start = base + before * array.BYTES_PER_ELEMENT;
    if (base === 0)
      throw new WorkError(
        `WebAssembly memory ends at 4096 MiB and ${Math.ceil(this.#room.memory.buffer.byteLength / 2 ** 20)} MiB are taken: ` +
          `there is no room for ${array.byteLength} more bytes. Take a smaller batch, or install a C++ compiler and build the native engine`,
      );
    const View = array.constructor as new (buffer: ArrayBufferLike, start: number, length: number) => RegionArray;
    for (let row = 0; row < rows; row++)
      copy(
        array.subarray(row * columns, (row + 1) * columns),
        new View(
          this.#room.memory.buffer,
          start + row * stride * array.BYTES_PER_ELEMENT,
          columns === stride ? columns : stride,
        ),
      );
  }

  write(region: RegionName, data: RegionArray, first = 0): void {
    if (region === 'tokens') this.#tokens = Math.max(this.#tokens, data.length / this.#layout.shape.dIn);
    if (region === 'widths') this.#levels = Math.max(this.#levels, data.length);
    if (region === 'rowOffsets') this.#tokens = Math.max(this.#tokens, data.length);
    this.#rows(region, data, first, (outer, inner) => {
      inner.set(outer);
      inner.fill(0, outer.length);
    });
  }

  read(region: RegionName, into: RegionArray, first = 0): void {
    if (into.length === 0) return;
    this.#rows(region, into, first, (outer, inner) => {
      outer.set(inner.subarray(0, outer.length));
    });
  }

  parametersWritten(): void {
    this.#room.exports.parametersWritten();
  }

  async run(call: CallName): Promise<void> {
    const gradient = call === 'accumulate' ? gradientBytes(this.#layout) * ALLOCATOR_OVERHEAD : 0;
    const bytes = callBytes(this.#layout, this.#tokens, this.#levels) + gradient;
    this.#room.exports.reserve(Math.min(MAX_RESERVE_BYTES, bytes));
    this.#room.exports.beginCall(this.#threads.count);
    await this.#threads.ask({ kind: 'run', id: this.#room.id, call: CALLS.indexOf(call) });
  }

  dispose(): void {
    this.#leave(this.#room);
  }
}

/** Refuses what cannot fit before anything is allocated. */
function checkSize(layout: KernelLayout): void {
  const bytes = dictionaryBytes(layout) * ALLOCATOR_OVERHEAD;
  if (bytes < PAGE_BYTES * MAX_PAGES) return;
  const { dSae, dIn, dOut } = layout.shape;
  throw new WorkError(
    `WebAssembly memory ends at 4096 MiB, and ${dSae} features × (${dIn} + ${dOut}) dimensions × 4 bytes ` +
      `(${layout.trains ? `× ${1 + MOMENT_COPIES[layout.moments]} for parameters and moments, and the packed encoder` : 'and the packed encoder'}) need ` +
      `${Math.ceil(bytes / 2 ** 20)} MiB. Take fewer features, or install a C++ compiler and build the native engine`,
  );
}

/**
 * The WebAssembly build: every dictionary has a memory of its own, every thread an instance on it. The collector is slow to
 * return shared memories to the system, so the memory of a disposed dictionary is taken for the next one.
 */
export class WasmKernels implements Kernels {
  readonly #module: WebAssembly.Module;
  readonly #threads: WasmThreads;
  readonly #empty: WasmRoom[] = [];
  #opened = 0;

  private constructor(module: WebAssembly.Module, threads: number) {
    this.#module = module;
    this.#threads = new WasmThreads(threads);
  }

  static async start({ path }: WasmBuild, threads: number): Promise<WasmKernels> {
    return new WasmKernels(await WebAssembly.compile(await readFile(path)), threads);
  }

  async open(layout: KernelLayout): Promise<KernelInstance> {
    checkSize(layout);
    const room = this.#empty.pop() ?? (await this.#newRoom());
    const leave = (empty: WasmRoom): void => {
      this.#empty.push(empty);
    };
    if (room.exports.create(this.#threads.count, ...kernelArguments(layout)) === 0) {
      leave(room);
      throw new WorkError('the system gave no memory for a WebAssembly dictionary');
    }
    return new WasmInstance(room, layout, this.#threads, leave);
  }

  async #newRoom(): Promise<WasmRoom> {
    const { count } = this.#threads;
    const memory = new WebAssembly.Memory({ initial: 16 + 2 * (count + 1), maximum: MAX_PAGES, shared: true });
    const id = this.#opened++;
    await this.#threads.ask({ kind: 'open', id, module: this.#module, memory });
    return { id, memory, exports: startInstance(this.#module, memory, count) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
    this.#empty.length = 0;
  }
}
