import { requireBytes } from './device.ts';
import type { Recorder } from './recorder.ts';

const USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST

/** Named buffers of one owner, which grow and are freed together. */
export class Memory {
  readonly #recorder: Recorder;
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** At least `words` numbers of 32 bits; what a smaller buffer of this name held is lost. */
  room(name: string, words: number): GPUBuffer {
    const bytes = Math.max(16, words * 4);
    const known = this.#buffers.get(name);
    if (known !== undefined && known.size >= bytes) return known;
    const { gpu } = this.#recorder;
    requireBytes(gpu, name, bytes);
    if (known !== undefined) this.#recorder.discard(known);
    const buffer = gpu.device.createBuffer({ label: name, size: bytes, usage: USAGE });
    this.#buffers.set(name, buffer);
    return buffer;
  }

  free(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}
