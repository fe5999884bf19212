import type { KernelArguments } from './kernel-instance.ts';
/** What `kernels/wasm.cc` exports. Addresses are byte offsets into the shared memory. */
export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  stackTop(thread: number): number;
  create(threads: number, ...layout: KernelArguments): number;
  regionStart(region: number, count: number): number;
  /** Makes the memory longer by this many bytes than what is taken of it, where it can grow so far. */
  reserve(bytes: number): void;
  parametersWritten(): void;
  beginCall(threads: number): void;
  runCall(call: number, thread: number): void;
}

/** What the threads of the WebAssembly engine are told. They answer each with a `WasmAnswer`, in order. */
export type WasmRequest =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    }
  | { readonly kind: 'run'; readonly id: number; readonly call: number };

export type WasmAnswer = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** An instance on a shared memory, with the stack of its thread. */
export function startInstance(module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number): WasmExports {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmExports;
  exports.__stack_pointer.value = exports.stackTop(thread) >>> 0;
  return exports;
}
