import { shippedFile } from '../foundation/package-root.ts';

/** One of the committed builds of `kernels/wasm.cc` (`scripts/build-wasm.mjs`). */
export interface WasmBuild {
  readonly instructions: string;
  readonly path: string;
}

const committed = (instructions: string, file: string): WasmBuild => ({
  instructions,
  path: shippedFile('server', 'compute', 'wasm', file),
});

export const PLAIN_BUILD = committed('WebAssembly SIMD', 'kernels.wasm');
/** Its multiply-adds round once where the processor can, so its bits are not those of the other build. */
export const RELAXED_BUILD = committed('WebAssembly relaxed SIMD', 'kernels-relaxed.wasm');

/** `(module (func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2))))` */
const RELAXED_MADD = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02, 0x0b],
);

/** Whether this process can run RELAXED_BUILD: Node 22 can, Node 20 only behind a flag. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_MADD);
}

/** The one that the engine `wasm` takes, the same for as long as the process lives. */
export const WASM_BUILD: WasmBuild = hasRelaxedSimd() ? RELAXED_BUILD : PLAIN_BUILD;
